package edgeq.core.bundle

import java.io.InputStream
import java.nio.ByteBuffer

/** Where the files of a bundle come from: the assets of an app, a folder. */
fun interface BundleSource {
    /**
     * Opens a file.
     *
     * @param name of the file, without folders.
     * @throws java.io.FileNotFoundException there is none of that name.
     */
    fun open(name: String): InputStream

    /**
     * The file's content without a copy of it on the heap, where the source can give it: a direct buffer over all of
     * the file, from position 0. Null where it cannot; the file is read then.
     */
    fun map(name: String): ByteBuffer? = null
}
