package edgeq.core.measure

import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.TensorInfo
import edgeq.core.model.readWhole
import edgeq.core.tensor.encode
import edgeq.core.tensor.newBuffer
import java.nio.ByteBuffer

/** A variant that is loaded, with buffers that hold the first recorded input; its runner is closed with it. */
internal class LoadedVariant private constructor(
    val variant: Variant,
    val runner: ModelRunner,
    private val inputs: Map<String, ByteBuffer>,
) : AutoCloseable {
    private val outputs = runner.outputs.associate { it.name to it.newBuffer() }

    /** Time of the first inference in milliseconds, which still initialises. */
    val firstMs: Double = timed() / NANOS_PER_MS

    /** Runs once and gives the nanoseconds that it took; at least one, where a clock is coarse. */
    fun timed(): Long {
        inputs.values.forEach(::readWhole)
        outputs.values.forEach(::readWhole)
        return maxOf(1L, runner.run(inputs, outputs))
    }

    override fun close() {
        runner.close()
    }

    companion object {
        /**
         * Fills the inputs and runs once; the runner is closed where that fails.
         *
         * @throws ModelException nothing fitting is recorded for an input, or the runtime fails.
         */
        fun of(variant: Variant, runner: ModelRunner, recorded: ParityData): LoadedVariant {
            var loaded: LoadedVariant? = null
            try {
                val inputs = runner.inputs.associate { it.name to firstRecorded(it, recorded.inputs[it.name]) }
                return LoadedVariant(variant, runner, inputs).also { loaded = it }
            } finally {
                if (loaded == null) runner.close()
            }
        }
    }
}

internal const val NANOS_PER_MS = 1e6

/** A buffer with the first of the recorded values, as the tensor stores them. */
private fun firstRecorded(info: TensorInfo, recorded: NpyArray?): ByteBuffer {
    if (recorded == null) throw ModelException("nothing is recorded for its input ${info.name}")
    return info.newBuffer().also { info.encode(recorded, 0, it) }
}
