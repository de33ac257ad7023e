package edgeq.core.parity

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.BundleReader
import edgeq.core.bundle.BundleSource
import edgeq.core.bundle.RecordedPhotos
import edgeq.core.image.Pixels
import edgeq.core.model.ModelRunner
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.DataException
import edgeq.core.tensor.decode
import edgeq.core.tensor.encode
import java.io.ByteArrayInputStream
import java.io.FileNotFoundException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import javax.imageio.ImageIO

/** The bundle of `tools/android/golden/photos.py`: a model that says which colour a picture has most of, and six photos. */
internal object ColourBundle {
    val source = BundleSource { name ->
        ColourBundle::class.java.getResourceAsStream("/golden/photos/$name") ?: throw FileNotFoundException(name)
    }
    val reader = BundleReader(source)
    val bundle: Bundle = reader.read()
    val photos: RecordedPhotos = checkNotNull(reader.photos(bundle)) { "the bundle has no photos" }
}

/** What the float file computes: the mean of each channel. */
internal class MeanRunner(override val inputs: List<TensorInfo>, override val outputs: List<TensorInfo>) : ModelRunner {
    override val runtime = RuntimeInfo("mean", "1", "none")
    override val loadNanos = 0L
    var runs = 0

    override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long {
        val values = this.inputs.single().decode(inputs.values.single())
        val means = FloatArray(CHANNELS) { channel ->
            values.filterIndexed { index, _ -> index % CHANNELS == channel }.map(Float::toDouble).average().toFloat()
        }
        this.outputs.single().encode(means, outputs.values.single())
        runs++
        return 1
    }

    override fun close() = Unit

    private companion object {
        const val CHANNELS = 3
    }
}

/** Photos as the JVM decodes them. */
internal open class JvmSteps : PhotoSteps {
    override fun decode(content: ByteArray): DecodedPhoto {
        val image = ImageIO.read(ByteArrayInputStream(content)) ?: throw DataException("the JVM does not decode it")
        val raster = image.raster
        // Not getRGB of grey pictures: it takes them for linear light and brightens them.
        val pixels = if (raster.numBands == 1 && image.colorModel.colorSpace.numComponents == 1) {
            val grey = IntArray(image.width * image.height)
            raster.getSamples(0, 0, image.width, image.height, 0, grey)
            Pixels(image.width, image.height, 1, ByteArray(grey.size) { grey[it].toByte() })
        } else {
            val colours = image.getRGB(0, 0, image.width, image.height, null, 0, image.width)
            Pixels.fromArgb(colours, image.width, image.height)
        }
        return DecodedPhoto(pixels, orientation(content))
    }

    private companion object {
        const val TAG: Short = 0x0112
        const val ENTRY_BYTES = 12

        /** That of the first directory of an EXIF block (Exif 2.32, section 4.6.4), 1 where there is none. */
        fun orientation(content: ByteArray): Int {
            val block = String(content, Charsets.ISO_8859_1).indexOf("Exif\u0000\u0000")
            if (block < 0) return 1
            val exif = ByteBuffer.wrap(content, block + 6, content.size - block - 6).slice()
            exif.order(if (exif.get(0) == 'I'.code.toByte()) ByteOrder.LITTLE_ENDIAN else ByteOrder.BIG_ENDIAN)
            val directory = exif.getInt(4)
            val entries = List(exif.getShort(directory).toInt()) { directory + 2 + it * ENTRY_BYTES }
            return entries.firstOrNull { exif.getShort(it) == TAG }?.let { exif.getShort(it + 8).toInt() } ?: 1
        }
    }
}

/** With red for blue. */
internal fun Pixels.swapped(): Pixels {
    val bytes = ByteArray(bytes.size) { this.bytes[it - it % channels + (channels - 1 - it % channels)] }
    return Pixels(width, height, channels, bytes)
}

/** Lighter by so many levels, as far as that goes. */
internal fun Pixels.lighter(levels: Int): Pixels =
    Pixels(
        width,
        height,
        channels,
        ByteArray(bytes.size) {
            minOf((bytes[it].toInt() and 0xFF) + levels, 0xFF).toByte()
        },
    )
