package edgeq.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/**
 * Hands two files of the cache to other apps: the camera app writes its photo into one, and shared results are read
 * from the other.
 *
 * A camera app gives only a thumbnail unless it is told where to write, and a path of this app is not open to it. So this
 * is what androidx' `FileProvider` does, for two names. The provider is not exported: an app reaches a file only by the
 * grant that comes with an intent.
 */
class SharedFiles : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val file = known(uri) ?: throw FileNotFoundException("no file $uri")
        return ParcelFileDescriptor.open(file, ParcelFileDescriptor.parseMode(mode))
    }

    override fun getType(uri: Uri): String? = TYPES[uri.lastPathSegment]

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        selectionArgs: Array<String>?,
        sortOrder: String?,
    ): Cursor? {
        val file = known(uri) ?: return null
        val columns = (projection ?: COLUMNS).filter { it in COLUMNS }
        val row = columns.map { if (it == OpenableColumns.SIZE) file.length() else file.name }
        return MatrixCursor(columns.toTypedArray(), 1).apply { addRow(row.toTypedArray<Any>()) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, selectionArgs: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, selectionArgs: Array<String>?): Int = 0

    private fun known(uri: Uri): File? {
        val name = uri.lastPathSegment?.takeIf { it in TYPES } ?: return null
        return context?.let { file(it, name) }
    }

    companion object {
        /** The camera's photo. */
        const val PHOTO: String = "photo.jpg"

        /** Measurements, one a line. */
        const val RESULTS: String = "edgeq-results.jsonl"

        private val TYPES = mapOf(PHOTO to "image/jpeg", RESULTS to "application/json")
        private val COLUMNS = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)

        /** What another app opens. */
        fun uri(context: Context, name: String): Uri =
            Uri.Builder().scheme("content").authority("${context.packageName}.files").path(name).build()

        /** Where it is. */
        fun file(context: Context, name: String): File = File(context.cacheDir, name)
    }
}
