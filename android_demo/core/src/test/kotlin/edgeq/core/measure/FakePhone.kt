package edgeq.core.measure

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.RecordedCheck
import edgeq.core.bundle.Variant
import edgeq.core.image.Preprocessing
import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.RunnerFactory
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import java.nio.ByteBuffer
import org.json.JSONObject

/** A phone and models whose inferences take a set time and go wrong when they should. */
internal class FakePhone(vararg names: String) : RunnerFactory {
    private val tensor = TensorInfo("x", TensorType.FLOAT32, listOf(1, 2), null)
    private val variants = names.mapIndexed { index, name -> variant(name, index) }
    val bundle = Bundle("model", variants, Preprocessing("none"), emptyList(), JSONObject("""{"made":"up"}"""))

    /** Nanoseconds of an inference by variant; 1 ms where nothing is said. */
    val nanos = mutableMapOf<String, Long>()

    /** What happens instead of inference number so and so of a variant. */
    val breaks = mutableMapOf<Pair<String, Int>, () -> Nothing>()

    /** What happens instead of loading. */
    val refuses = mutableMapOf<String, () -> Nothing>()

    /** The thermal status at each look; the last one stays. */
    var thermalStatuses: List<Int?> = listOf(0)
    var observation = Observation()
    var looks = 0
    var runs = 0
    val open = mutableListOf<String>()
    val opened = mutableListOf<Pair<String, Int>>()

    val host = Host(
        model = phoneModel("Example", "Phone 1"),
        chip = "Chip",
        cpu = "8x Cortex-A55",
        android = "Android 14 (SDK 34)",
        abi = "arm64-v8a",
        features = listOf("asimd", "asimddp"),
        cores = 8,
        memoryBytes = null,
        emulator = null,
        installation = "1a2b3c4d",
        edgeqVersion = "1.0.0",
        observe = {
            val status = thermalStatuses[minOf(looks++, thermalStatuses.size - 1)]
            observation.copy(thermalStatus = status)
        },
    )

    /** Quick: 6 rounds of 2 runs. */
    fun benchmark(
        plan: Plan = Plan(listOf(1, 2), 6, leastRuns = 12, leastSeconds = 0.0, warmupSeconds = 0.0),
        host: Host = this.host,
    ): Benchmark {
        val recorded = ParityData(1, mapOf("x" to recordedInput()), emptyMap(), emptyMap())
        return Benchmark(bundle, recorded, bundle.variants, ::file, this, host, plan)
    }

    override fun open(model: ByteBuffer, threads: Int): ModelRunner {
        val name = bundle.variants[model.get(0).toInt()].name
        refuses[name]?.invoke()
        open += name
        opened += Pair(name, threads)
        return FakeRunner(name)
    }

    private inner class FakeRunner(private val name: String) : ModelRunner {
        private var count = 0
        override val runtime = RuntimeInfo("tensorflow-lite", "2.16.1", "XNNPACK")
        override val inputs = listOf(tensor)
        override val outputs = listOf(tensor)
        override val loadNanos = 5_000_000L

        override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long {
            if (name !in open) throw ModelException("$name is closed")
            runs++
            breaks[Pair(name, ++count)]?.invoke()
            return nanos[name] ?: 1_000_000L
        }

        override fun close() {
            open -= name
        }
    }

    private fun variant(name: String, index: Int): Variant {
        val check = RecordedCheck(1, null, null, "litert 2.3.0, XNNPACK, x86_64+avx2")
        val digest = "%064x".format(index)
        return Variant(name, "m.$name.tflite", name, "float32", digest, 1, null, listOf(tensor), listOf(tensor), check)
    }

    private fun recordedInput() = NpyArray(NpyType.FLOAT32, listOf(1, 1, 2), ByteBuffer.allocate(8))

    private fun file(variant: Variant) =
        ByteBuffer.allocateDirect(1).put(0, bundle.variants.indexOf(variant).toByte())
}
