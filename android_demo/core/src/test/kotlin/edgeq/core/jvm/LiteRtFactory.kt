package edgeq.core.jvm

import com.sun.jna.Function
import com.sun.jna.Native
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.RunnerFactory
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import java.io.File
import java.nio.ByteBuffer

/**
 * Runs models on a desktop with the library of Python's package `ai-edge-litert`: the same kernels as in Python.
 *
 * @param path of `libLiteRt.so` in the installed package.
 */
class LiteRtFactory(path: File) : RunnerFactory {
    private val library = LiteRtLibrary.load(path)
    private val version = versionOf(path)

    override fun open(model: ByteBuffer, threads: Int): ModelRunner {
        val closers = ArrayDeque<() -> Unit>()
        var runner: LiteRtRunner? = null
        try {
            return LiteRtRunner(library, version, model, threads, closers).also { runner = it }
        } finally {
            if (runner == null) closers.closeAll()
        }
    }

    private companion object {
        val METADATA = Regex("""ai_edge_litert-([0-9.]+)\.dist-info""")

        /** As `pip` wrote it beside the package. */
        fun versionOf(path: File): String {
            val beside = path.absoluteFile.parentFile?.parentFile?.list().orEmpty()
            return beside.firstNotNullOfOrNull { METADATA.matchEntire(it)?.groupValues?.get(1) }
                ?: throw ModelException("$path: expected it in an installed package, found no version beside it")
        }
    }
}

private fun ArrayDeque<() -> Unit>.closeAll() {
    while (isNotEmpty()) removeLast()()
}

/** A compiled model; what [closers] free is freed from the last to the first. */
private class LiteRtRunner(
    private val library: LiteRtLibrary,
    version: String,
    private val model: ByteBuffer,
    threads: Int,
    private val closers: ArrayDeque<() -> Unit>,
) : ModelRunner {
    override val runtime: RuntimeInfo = RuntimeInfo("litert", version, "XNNPACK")
    override val loadNanos: Long
    private val compiled: Pointer
    private val inputTensors: List<LiteRtTensor>
    private val outputTensors: List<LiteRtTensor>

    init {
        val start = System.nanoTime()
        val environment = owned(library::LiteRtDestroyEnvironment) { library.LiteRtCreateEnvironment(0, null, it) }
        val loaded = owned(library::LiteRtDestroyModel) {
            val address = Native.getDirectBufferPointer(model)
            library.LiteRtCreateModelFromBuffer(environment, address, model.capacity().toLong(), it)
        }
        val options = options(threads)
        compiled = owned(library::LiteRtDestroyCompiledModel) {
            library.LiteRtCreateCompiledModel(environment, loaded, options, it)
        }
        val signature = pointer("the signature") { library.LiteRtGetModelSignature(loaded, 0, it) }
        val tensors = LiteRtTensors(library, environment, compiled, signature)
        inputTensors = tensors.all(Side.INPUT)
        outputTensors = tensors.all(Side.OUTPUT)
        for (tensor in inputTensors + outputTensors) closers += { library.LiteRtDestroyTensorBuffer(tensor.buffer) }
        loadNanos = System.nanoTime() - start
    }

    override val inputs: List<TensorInfo> = inputTensors.map { it.info }
    override val outputs: List<TensorInfo> = outputTensors.map { it.info }
    private val inputBuffers = inputTensors.map { it.buffer }.toTypedArray()
    private val outputBuffers = outputTensors.map { it.buffer }.toTypedArray()

    override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long {
        for (tensor in inputTensors) {
            withMemory(tensor, WRITE) { it.put(inputs.getValue(tensor.info.name).fromStart(tensor.info)) }
        }
        val start = System.nanoTime()
        val status = library.LiteRtRunCompiledModel(
            compiled,
            0,
            inputBuffers.size.toLong(),
            inputBuffers,
            outputBuffers.size.toLong(),
            outputBuffers,
        )
        val took = System.nanoTime() - start
        check("an inference", status)
        for (tensor in outputTensors) {
            withMemory(tensor, READ) { outputs.getValue(tensor.info.name).fromStart(tensor.info).put(it) }
        }
        return took
    }

    override fun close() {
        closers.closeAll()
    }

    private fun options(threads: Int): Pointer {
        val options = owned(library::LiteRtDestroyOptions) { library.LiteRtCreateOptions(it) }
        check("the accelerator", library.LiteRtSetOptionsHardwareAccelerators(options, CPU))
        // The library frees the text with the function that is given for it.
        val system = NativeLibrary.getProcess()
        val text = system.getFunction("strdup").invokePointer(arrayOf("num_threads = $threads\n"))
        val release: Function = system.getFunction("free")
        // Identifier and key: litert/c/options/litert_cpu_options.cc.
        val added = pointer("options") { library.LiteRtCreateOpaqueOptions("xnnpack", text, release, it) }
        check("options", library.LiteRtAddOpaqueOptions(options, added))
        return options
    }

    private fun owned(destroy: (Pointer) -> Unit, create: (PointerByReference) -> Int): Pointer =
        pointer("it", create).also { made -> closers += { destroy(made) } }

    private fun withMemory(tensor: LiteRtTensor, mode: Int, use: (ByteBuffer) -> Unit) {
        val memory = pointer("a buffer's memory") { library.LiteRtLockTensorBuffer(tensor.buffer, it, mode) }
        try {
            use(memory.getByteBuffer(0, tensor.info.byteCount.toLong()))
        } finally {
            check("a buffer", library.LiteRtUnlockTensorBuffer(tensor.buffer))
        }
    }

    private companion object {
        const val CPU = 1
        const val READ = 0
        const val WRITE = 1

        fun ByteBuffer.fromStart(info: TensorInfo): ByteBuffer =
            duplicate().apply { clear() }.apply { limit(info.byteCount) }
    }
}
