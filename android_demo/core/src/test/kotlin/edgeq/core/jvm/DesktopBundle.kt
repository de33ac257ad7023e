package edgeq.core.jvm

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.BundleReader
import edgeq.core.bundle.FolderSource
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.ModelRunner
import edgeq.core.tensor.encode
import edgeq.core.tensor.newBuffer
import java.io.File
import java.nio.ByteBuffer
import org.junit.jupiter.api.Assumptions.assumeTrue

/**
 * The bundle and the runtime that a build gives its tests.
 *
 * They are named by the system properties `edgeq.bundle`, a folder, and `edgeq.libLiteRt`, the file `libLiteRt.so` in
 * the installed package `ai-edge-litert`. What tests write for Python goes into the folder `edgeq.out`.
 */
internal class DesktopBundle private constructor(folder: File, val factory: LiteRtFactory) {
    val reader: BundleReader = BundleReader(FolderSource(folder))
    val bundle: Bundle = reader.read()
    val recorded: ParityData = reader.parity(bundle)

    fun open(variant: Variant, threads: Int = 1): ModelRunner = factory.open(reader.model(variant), threads)

    companion object {
        /** The bundle; where there is none the test that asks for it is skipped. */
        fun orSkip(): DesktopBundle {
            val folder = System.getProperty("edgeq.bundle")
            val library = System.getProperty("edgeq.libLiteRt")
            assumeTrue(folder != null && library != null, "edgeq.bundle and edgeq.libLiteRt are not set: no runtime")
            return DesktopBundle(File(folder.orEmpty()), LiteRtFactory(File(library.orEmpty())))
        }

        /** A file for Python; null where nobody asks for it. */
        fun outFile(name: String): File? = System.getProperty("edgeq.out")?.let { File(it, name) }
    }
}

/** Runs all recorded inputs; gives what each output stores, one input after the other. */
internal fun ModelRunner.storedOutputs(recorded: ParityData): Map<String, ByteArray> {
    val stored = outputs.associate { it.name to ByteBuffer.allocate(it.byteCount * recorded.n) }
    val filled = inputs.associate { it.name to it.newBuffer() }
    val written = outputs.associate { it.name to it.newBuffer() }
    for (item in 0 until recorded.n) {
        for (info in inputs) info.encode(recorded.inputs.getValue(info.name), item, filled.getValue(info.name))
        run(filled, written)
        for ((name, buffer) in written) stored.getValue(name).put(buffer.duplicate().apply { rewind() })
    }
    return stored.mapValues { it.value.array() }
}
