package edgeq.demo

import android.content.res.AssetManager
import edgeq.core.bundle.BundleSource
import java.io.FileInputStream
import java.io.FileNotFoundException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel

/**
 * A bundle in the app's assets.
 *
 * @param folder of the assets, without a slash at its end.
 */
class AssetSource(private val assets: AssetManager, private val folder: String) : BundleSource {
    override fun open(name: String): InputStream = assets.open("$folder/$name")

    /** Null for an asset that is compressed in the APK: `noCompress` names those that are not. */
    override fun map(name: String): ByteBuffer? = try {
        assets.openFd("$folder/$name").use { asset ->
            FileInputStream(asset.fileDescriptor).channel.use {
                it.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
            }
        }
    } catch (_: FileNotFoundException) {
        null
    }
}
