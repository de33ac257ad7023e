package edgeq.demo

import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.Quantization
import edgeq.core.model.RunnerFactory
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import org.tensorflow.lite.TensorFlowLite

/**
 * Loads models with the runtime that is built into the app.
 *
 * @param runtimeName what the runtime is called: `tensorflow-lite` or `litert`. Both have the same classes, and none of
 * them tells which it is.
 */
class InterpreterFactory(private val runtimeName: String) : RunnerFactory {
    override fun open(model: ByteBuffer, threads: Int): ModelRunner = explained("load the model") {
        val began = System.nanoTime()
        val interpreter = Interpreter(model, Interpreter.Options().setNumThreads(threads).setUseXNNPACK(true))
        val loadNanos = System.nanoTime() - began
        var runner: ModelRunner? = null
        try {
            // XNNPACK was asked for and is part of the runtime; how many operators it took, the classes do not tell.
            val runtime = RuntimeInfo(runtimeName, TensorFlowLite.runtimeVersion(), "XNNPACK")
            InterpreterRunner(interpreter, runtime, loadNanos).also { runner = it }
        } finally {
            if (runner == null) interpreter.close()
        }
    }
}

/**
 * A model in TensorFlow Lite's or LiteRT's `Interpreter`: the one file that knows the runtime's classes.
 *
 * Tensors go by their names in the first signature, which are those of the source model; a file without a signature
 * is run by position.
 */
internal class InterpreterRunner(
    private val interpreter: Interpreter,
    override val runtime: RuntimeInfo,
    override val loadNanos: Long,
) : ModelRunner {
    private val signature: String? = interpreter.signatureKeys.firstOrNull()
    override val inputs: List<TensorInfo> = inputs()
    override val outputs: List<TensorInfo> = outputs()

    override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long =
        explained("run the model") {
            val given = this.inputs.map { whole(it, inputs) }
            val written = this.outputs.map { whole(it, outputs) }
            if (signature == null) {
                val outputsByIndex = written.withIndex().associate { it.index to it.value }
                interpreter.runForMultipleInputsOutputs(given.toTypedArray(), outputsByIndex)
            } else {
                interpreter.runSignature(named(this.inputs, given), named(this.outputs, written), signature)
            }
            interpreter.lastNativeInferenceDurationNanoseconds
                ?: throw ModelException("the runtime does not tell how long the inference took")
        }

    override fun close() = interpreter.close()

    private fun inputs(): List<TensorInfo> = if (signature == null) {
        List(interpreter.inputTensorCount) { interpreter.getInputTensor(it).toInfo(name = null) }
    } else {
        interpreter.getSignatureInputs(signature).map {
            interpreter.getInputTensorFromSignature(it, signature).toInfo(it)
        }
    }

    private fun outputs(): List<TensorInfo> = if (signature == null) {
        List(interpreter.outputTensorCount) { interpreter.getOutputTensor(it).toInfo(name = null) }
    } else {
        interpreter.getSignatureOutputs(signature).map {
            interpreter.getOutputTensorFromSignature(it, signature).toInfo(it)
        }
    }

    private fun named(infos: List<TensorInfo>, buffers: List<ByteBuffer>): Map<String, Any> =
        infos.indices.associate { infos[it].name to buffers[it] }

    /** The tensor's buffer from its beginning: the runtime reads and writes at the position, and moves it. */
    private fun whole(info: TensorInfo, buffers: Map<String, ByteBuffer>): ByteBuffer {
        val buffer = buffers[info.name] ?: throw ModelException("no buffer for tensor ${info.name}")
        if (buffer.capacity() != info.byteCount) {
            throw ModelException("tensor ${info.name}: expected ${info.byteCount} bytes, found ${buffer.capacity()}")
        }
        // As a Buffer: before Android 9, ByteBuffer has no clear() of its own.
        return buffer.duplicate().order(ByteOrder.nativeOrder()).also { (it as Buffer).clear() }
    }
}

private fun Tensor.toInfo(name: String?): TensorInfo {
    val parameters = quantizationParams()
    val quantization = Quantization(parameters.scale, parameters.zeroPoint).takeIf { parameters.scale != 0f }
    return TensorInfo(name ?: name(), typeOf(dataType()), shape().toList(), quantization)
}

// By name: newer runtimes may have types that this one has not.
private fun typeOf(type: DataType): TensorType = TensorType.entries.firstOrNull { it.name == type.name }
    ?: throw ModelException("the model takes or gives values of type $type, which this app does not handle")

/**
 * The runtime's errors as one line.
 *
 * It throws `IllegalArgumentException` for files that it refuses, `IllegalStateException` where a run fails, and
 * `LinkageError` where its native library does not load: no library for this CPU, or one for smaller memory pages.
 */
private fun <T> explained(what: String, action: () -> T): T = try {
    action()
} catch (error: IllegalArgumentException) {
    throw ModelException("cannot $what: ${oneLine(error)}", error)
} catch (error: IllegalStateException) {
    throw ModelException("cannot $what: ${oneLine(error)}", error)
} catch (error: UnsupportedOperationException) {
    throw ModelException("cannot $what: ${oneLine(error)}", error)
} catch (error: IndexOutOfBoundsException) {
    throw ModelException("cannot $what: ${oneLine(error)}", error)
} catch (error: LinkageError) {
    throw ModelException("the runtime does not load on this device: ${oneLine(error)}", error)
}

private fun oneLine(error: Throwable): String =
    error.message?.lineSequence()?.map(String::trim)?.filter(String::isNotEmpty)?.joinToString(" ")
        ?: error.javaClass.simpleName
