package edgeq.core.bundle

import java.io.File
import java.io.FileInputStream
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/** A bundle in a folder; its models are mapped into memory. */
class FolderSource(private val folder: File) : BundleSource {
    override fun open(name: String): InputStream = FileInputStream(File(folder, name))

    override fun map(name: String): ByteBuffer? = FileInputStream(File(folder, name)).channel.use { channel ->
        val size = channel.size()
        // What is larger cannot be mapped; reading it finds out that it is no model.
        if (size > Int.MAX_VALUE) null else channel.map(FileChannel.MapMode.READ_ONLY, 0, size)
    }
}
