package edgeq.demo

import android.content.Context
import android.net.Uri
import edgeq.core.measure.Session
import edgeq.core.measure.toJsonLine
import java.io.File
import java.io.IOException
import java.io.OutputStream

/**
 * Measurements as JSON Lines, as `edgeq report` reads them: in a file of the cache, and in files that the user chose.
 *
 * One line at a time is in memory: a long session has several megabytes.
 */
internal class ResultFiles(private val context: Context) {
    private val kept get() = SharedFiles.file(context, SharedFiles.RESULTS)

    /**
     * Puts the measurements where [SharedFiles] finds them, whole or not at all; those of the session before go. A full
     * disk costs no result: they are still in memory.
     *
     * @return whether they are there; false where there are none, too.
     */
    fun keep(session: Session): Boolean {
        if (session.measurements.isEmpty()) return false
        val new = File("${kept.path}.new")
        val isWritten = try {
            new.outputStream().use { write(session, it) }
            new.renameTo(kept)
        } catch (_: IOException) {
            false
        }
        if (!isWritten) {
            new.delete()
            kept.delete()
        }
        return isWritten
    }

    /**
     * Writes to a file that the user chose.
     *
     * @param session null where the process ended meanwhile and a new one has only the file of the cache.
     * @throws IOException it cannot be written, or there is nothing to write.
     */
    fun save(session: Session?, uri: Uri): Uri {
        if (session == null && !kept.exists()) throw IOException(context.getString(R.string.results_gone))
        // Truncating: what the user replaces may be longer.
        val stream = context.contentResolver.openOutputStream(uri, "wt")
            ?: throw IOException("the file cannot be written: $uri")
        stream.use { into ->
            if (session == null) kept.inputStream().use { it.copyTo(into) } else write(session, into)
        }
        return uri
    }

    /** The lines in one text; null where it is longer than [most]. */
    fun text(session: Session, most: Int): String? {
        val text = StringBuilder()
        for (one in session.measurements) {
            text.append(one.toJsonLine()).append('\n')
            if (text.length > most) return null
        }
        return text.toString()
    }

    private fun write(session: Session, into: OutputStream) {
        val writer = into.bufferedWriter()
        for (one in session.measurements) writer.append(one.toJsonLine()).append('\n')
        writer.flush()
    }
}
