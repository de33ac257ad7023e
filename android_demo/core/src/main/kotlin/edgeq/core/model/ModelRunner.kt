package edgeq.core.model

import java.nio.ByteBuffer

/**
 * A model that is loaded and can be run: the one thing that knows the runtime.
 *
 * One thread at a time. Buffers are direct and in native byte order, hold what the tensor stores
 * ([TensorInfo.byteCount] bytes from position 0), and are not kept.
 */
interface ModelRunner : AutoCloseable {
    /** What computes. */
    val runtime: RuntimeInfo

    /** Inputs: in the order of the file where it has no signature, else in that of the runtime, which may be another. */
    val inputs: List<TensorInfo>

    /** Outputs, in an order as that of [inputs]. */
    val outputs: List<TensorInfo>

    /** Time it took to load the file and to allocate its tensors. */
    val loadNanos: Long

    /**
     * Runs once.
     *
     * @param inputs a filled buffer for each of [inputs] by name.
     * @param outputs a buffer for each of [outputs] by name, which is written.
     * @return time of the inference alone in nanoseconds, without copying in and out.
     * @throws ModelException the runtime fails.
     */
    fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long
}

/** Loads models. */
fun interface RunnerFactory {
    /**
     * @param model content of a `.tflite` file: a direct buffer in native byte order, kept until the runner is closed.
     * @param threads of the interpreter.
     * @throws ModelException the runtime refuses the file; the message holds its reason.
     */
    fun open(model: ByteBuffer, threads: Int): ModelRunner
}

/**
 * What computes.
 *
 * @property name of the runtime: `tensorflow-lite` or `litert`.
 * @property version of it, such as `2.16.1`.
 * @property delegate `XNNPACK` or `none`.
 */
data class RuntimeInfo(val name: String, val version: String, val delegate: String)

/** The runtime refuses a model, or fails to run it; [message] is one line. */
class ModelException(message: String, cause: Throwable? = null) : Exception(message, cause)
