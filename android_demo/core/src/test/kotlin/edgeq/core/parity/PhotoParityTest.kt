package edgeq.core.parity

import edgeq.core.bundle.Variant
import edgeq.core.image.Fit
import edgeq.core.image.ImagePreparation
import edgeq.core.image.Pixels
import edgeq.core.image.Preprocessing
import edgeq.core.jvm.LiteRtFactory
import edgeq.core.tensor.DataException
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test

class PhotoParityTest {
    private val bundle = ColourBundle.bundle
    private val photos = ColourBundle.photos
    private val float = bundle.variants.single { it.name == "float32" }
    private val lying = "blue/lying.jpg"
    private val grey = "green/grey.png"

    @Test
    fun `photos decoded here give the desktop's pixels and answers`() {
        val result = check(JvmSteps())
        assertTrue(result.passed, result.toString())
        assertEquals(photos.photos.map { it.name }, result.pixels.map { it.name })
        for (one in result.pixels.filter { it.name != lying }) assertEquals(0, one.largest, one.name)
        assertEquals(PhotoAnswers(6, emptyList()), result.answers)
        assertTrue(result.inference.sameKernels)
    }

    @Test
    fun `a runtime gives the desktop's answers with every variant`() {
        val library = System.getProperty("edgeq.libLiteRt")
        assumeTrue(library != null, "edgeq.libLiteRt is not set: no runtime")
        val parity = PhotoParity(bundle, photos, JvmSteps())
        for (variant in bundle.variants) {
            LiteRtFactory(File(library.orEmpty())).open(ColourBundle.reader.model(variant), 1).use { runner ->
                val result = checkNotNull(parity.check(variant, runner, "here") { false })
                assertTrue(result.passed, result.toString())
                assertFalse(result.inference.sameKernels)
            }
        }
    }

    @Test
    fun `red and blue exchanged by the decoder are found and named`() {
        val result = check(object : JvmSteps() {
            override fun decode(content: ByteArray) =
                super.decode(content).let { DecodedPhoto(it.pixels.swapped(), it.orientation) }
        })
        assertSwapped(result)
    }

    @Test
    fun `red and blue exchanged on the way to the model are found and named`() {
        val result = check(object : JvmSteps() {
            override fun prepare(photo: DecodedPhoto, preparation: ImagePreparation, like: Pixels) =
                super.prepare(photo, preparation, like).swapped()
        })
        assertSwapped(result)
        assertTrue(result.inference.passed, "from the desktop's pixels on all is well")
        assertEquals(
            OtherAnswer("red/palette.png", 0, 2),
            result.answers?.others?.first {
                it.photo == "red/palette.png"
            },
        )
    }

    @Test
    fun `a photo that is not turned upright is found and named`() {
        val ignored = check(object : JvmSteps() {
            override fun decode(content: ByteArray) = DecodedPhoto(super.decode(content).pixels, 1)
        })
        val unused = check(object : JvmSteps() {
            override fun prepare(photo: DecodedPhoto, preparation: ImagePreparation, like: Pixels) =
                super.prepare(photo, preparation.copy(exif = false), like)
        })
        for (result in listOf(ignored, unused)) {
            assertFalse(result.passed)
            assertEquals(mapOf(lying to PhotoMistake.NOT_TURNED), mistakes(result))
        }
    }

    @Test
    fun `another fit and another resizing are found and named`() {
        val stretched = prepared { it.copy(fit = Fit.STRETCH, pad = 0) }
        assertEquals(setOf(PhotoMistake.OTHER_FIT), mistakes(stretched).filterKeys { it != grey }.values.toSet())
        assertTrue(mistakes(stretched).size >= 5, stretched.toString())
        val sharp = prepared { it.copy(antialias = false) }
        assertFalse(sharp.passed)
        assertEquals(setOf(PhotoMistake.OTHER_RESIZING), mistakes(sharp).filterKeys { it != lying }.values.toSet())
    }

    @Test
    fun `values of another range are found behind equal pixels`() {
        val result = check(
            object : JvmSteps() {
                override fun values(pixels: Pixels, preprocessing: Preprocessing) =
                    FloatArray(pixels.bytes.size) { (pixels.bytes[it].toInt() and 0xFF) / 255f }
            },
            kernelPath = "another",
        )
        assertTrue(result.pixels.all { it.passed })
        assertFalse(result.inference.passed)
        assertFalse(result.passed)
    }

    @Test
    fun `a decoder of JPEG may differ by a level and one of PNG may not`() {
        val result = check(object : JvmSteps() {
            override fun decode(content: ByteArray) =
                super.decode(content).let { DecodedPhoto(it.pixels.lighter(1), it.orientation) }
        })
        val passed = result.pixels.filter { it.passed }.map { it.name }
        assertEquals(listOf(lying), passed)
        assertTrue(mistakes(result).values.all { it == null })
        assertEquals(6, result.answers?.same)
    }

    @Test
    fun `a photo that cannot be decoded is told and the others are compared`() {
        val broken = photos.photos.first().content
        val result = check(object : JvmSteps() {
            override fun decode(content: ByteArray) =
                if (content.contentEquals(broken)) throw DataException("no codec") else super.decode(content)
        })
        assertFalse(result.passed)
        assertEquals("no codec", result.pixels.first().problem)
        assertEquals(PhotoAnswers(5, emptyList()), result.answers)
    }

    @Test
    fun `where no photo can be decoded nothing passes`() {
        val result = check(object : JvmSteps() {
            override fun decode(content: ByteArray): DecodedPhoto = throw DataException("no codec")
        })
        assertFalse(result.passed)
        assertEquals(false, result.answers?.passed)
        assertTrue(result.inference.passed)
    }

    @Test
    fun `it ends where it is cancelled and goes on from there`() {
        var decoded = 0
        val steps = object : JvmSteps() {
            override fun decode(content: ByteArray) = super.decode(content).also { decoded++ }
        }
        val parity = PhotoParity(bundle, photos, steps)
        val runner = runner()
        assertNull(parity.check(float, runner, "x") { decoded == 2 })
        assertEquals(0, runner.runs)
        assertNotNull(parity.check(float, runner, "x") { false })
        assertNotNull(parity.check(float, runner, "x") { false })
        assertEquals(6, decoded, "every photo once")
    }

    @Test
    fun `what was not recorded is not compared`() {
        val parity = PhotoParity(bundle, photos, JvmSteps())
        assertNull(parity.check(float.copy(name = "other"), runner(), "x") { false })
        val larger = float.inputs.map { it.copy(shape = listOf(1, 24, 16, 3)) }
        assertNull(parity.check(float, MeanRunner(larger, float.outputs), "x") { false })
    }

    private fun assertSwapped(result: PhotoParityResult) {
        assertFalse(result.passed)
        val colours = photos.photos.map { it.name } - grey
        assertEquals(colours.associateWith { PhotoMistake.CHANNELS_SWAPPED }, mistakes(result))
    }

    private fun mistakes(result: PhotoParityResult): Map<String, PhotoMistake?> =
        result.pixels.filterNot { it.passed }.associate { it.name to it.mistake }

    private fun prepared(change: (ImagePreparation) -> ImagePreparation) = check(object : JvmSteps() {
        override fun prepare(photo: DecodedPhoto, preparation: ImagePreparation, like: Pixels) =
            super.prepare(photo, change(preparation), like)
    })

    private fun runner() = MeanRunner(float.inputs, float.outputs)

    private fun check(
        steps: PhotoSteps,
        variant: Variant = float,
        kernelPath: String = photos.answers.getValue(variant.name).kernelPath,
    ): PhotoParityResult = checkNotNull(
        PhotoParity(bundle, photos, steps).check(variant, runner(), kernelPath) {
            false
        },
    )
}
