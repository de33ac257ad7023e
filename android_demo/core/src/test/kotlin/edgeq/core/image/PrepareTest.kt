package edgeq.core.image

import java.util.Random
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PrepareTest {
    private val random = Random(20240607)

    @Test
    fun `an image of the model's size is not changed by any method`() = repeat(50) {
        val photo = drawn(3)
        for (preparation in everyResize) {
            val result = prepare(photo, 1, preparation, photo.height, photo.width, 3)
            assertArrayEquals(photo.bytes, result.bytes, "$preparation")
        }
    }

    @Test
    fun `the photo itself is not written to`() {
        val photo = drawn(3)
        val before = photo.bytes.copyOf()
        prepare(photo, 1, ImagePreparation(channels = ChannelOrder.BGR), photo.height, photo.width, 3)
        assertArrayEquals(before, photo.bytes)
    }

    @Test
    fun `an image of one colour keeps it in every size`() = repeat(50) {
        val level = random.nextInt().toByte()
        val size = random.between(1, 40)
        val photo = Pixels(size, 9, 3, ByteArray(size * 9 * 3) { level })
        for (preparation in everyResize) {
            val result = prepare(photo, 1, preparation, random.between(1, 40), random.between(1, 40), 3)
            assertTrue(result.bytes.all { it == level }, "$preparation of $size x 9, level $level")
        }
    }

    @Test
    fun `each orientation puts the stored pixels where the EXIF standard says`() {
        // 1 2 3
        // 4 5 6
        val stored = Pixels(3, 2, 1, byteArrayOf(1, 2, 3, 4, 5, 6))
        val upright = mapOf(
            1 to listOf(1, 2, 3, 4, 5, 6),
            2 to listOf(3, 2, 1, 6, 5, 4),
            3 to listOf(6, 5, 4, 3, 2, 1),
            4 to listOf(4, 5, 6, 1, 2, 3),
            5 to listOf(1, 4, 2, 5, 3, 6),
            6 to listOf(4, 1, 5, 2, 6, 3),
            7 to listOf(6, 3, 5, 2, 4, 1),
            8 to listOf(3, 6, 2, 5, 1, 4),
        )
        for ((orientation, expected) in upright) {
            assertEquals(expected, turned(stored, orientation).bytes.map(Byte::toInt), "orientation $orientation")
        }
    }

    @Test
    fun `an orientation that does not exist means upright`() {
        val photo = drawn(3)
        for (orientation in listOf(0, -1, 9, Int.MAX_VALUE)) {
            assertArrayEquals(photo.bytes, turned(photo, orientation).bytes)
        }
    }

    @Test
    fun `turning there and back gives the photo again`() = repeat(20) {
        val photo = drawn(3)
        for (orientation in 1..8) {
            val back = mapOf(6 to 8, 8 to 6)[orientation] ?: orientation
            val result = turned(turned(photo, orientation), back)
            assertEquals(photo.width, result.width)
            assertArrayEquals(photo.bytes, result.bytes, "orientation $orientation")
        }
    }

    @Test
    fun `a photo on its side gives what the upright photo gives`() = repeat(20) {
        val photo = drawn(3)
        val (height, width) = Pair(random.between(1, 30), random.between(1, 30))
        for (preparation in everyResize) {
            val orientation = random.between(1, 8)
            val expected = prepare(turned(photo, orientation), 1, preparation, height, width, 3)
            val result = prepare(photo, orientation, preparation, height, width, 3)
            assertArrayEquals(expected.bytes, result.bytes, "$preparation, orientation $orientation")
        }
    }

    @Test
    fun `the orientation is ignored where the preparation says so`() {
        val photo = drawn(3)
        val preparation = ImagePreparation(exif = false)
        assertArrayEquals(photo.bytes, prepare(photo, 6, preparation, photo.height, photo.width, 3).bytes)
    }

    @Test
    fun `what is cropped away has no influence`() = repeat(20) {
        val photo = drawn(3)
        val target = Size(random.between(1, 30), random.between(1, 30))
        for (resize in everyResize) {
            val crop = resize.copy(fit = Fit.CROP, cropFraction = 0.8)
            val window = windows(Size(photo.height, photo.width), crop, target).first
            val expected = prepare(cropped(photo, window), 1, resize, target.height, target.width, 3)
            val result = prepare(photo, 1, crop, target.height, target.width, 3)
            assertArrayEquals(expected.bytes, result.bytes, "$crop")
        }
    }

    @Test
    fun `letterbox puts bars of the given grey around the resized image`() {
        val photo = Pixels(40, 20, 3, ByteArray(40 * 20 * 3) { 7 })
        val result = prepare(photo, 1, ImagePreparation(fit = Fit.LETTERBOX, pad = 200), 10, 10, 3)
        val rows = result.bytes.toList().chunked(10 * 3) { row -> row.map { it.toInt() and 0xFF }.toSet() }
        val bar = setOf(200)
        val image = setOf(7)
        assertEquals(listOf(bar, bar, image, image, image, image, image, bar, bar, bar), rows)
    }

    @Test
    fun `bgr is rgb from behind, and grey has no order`() = repeat(10) {
        val photo = drawn(3)
        val bgr = ImagePreparation(channels = ChannelOrder.BGR)
        val straight = prepare(photo, 1, ImagePreparation(), 6, 5, 3).bytes.toList()
        assertEquals(straight.chunked(3).flatMap { it.reversed() }, prepare(photo, 1, bgr, 6, 5, 3).bytes.toList())
        assertArrayEquals(
            prepare(photo, 1, ImagePreparation(), 6, 5, 1).bytes,
            prepare(photo, 1, bgr, 6, 5, 1).bytes,
        )
    }

    @Test
    fun `a grey photo in three channels is the grey one three times`() = repeat(10) {
        val photo = drawn(1)
        for (preparation in everyResize) {
            val grey = prepare(photo, 6, preparation, 6, 5, 1).bytes.toList()
            val colours = prepare(photo, 6, preparation, 6, 5, 3).bytes.toList()
            assertEquals(grey.flatMap { listOf(it, it, it) }, colours, "$preparation")
        }
    }

    @Test
    fun `lines and points are resized like other images`() {
        for ((width, height) in listOf(Pair(1, 1), Pair(1, 5000), Pair(5000, 1), Pair(2, 3))) {
            for (preparation in everyResize) {
                for (fit in Fit.entries) {
                    val result = prepare(random.pixels(width, height, 3), 6, preparation.copy(fit = fit), 7, 300, 3)
                    assertEquals(7 * 300 * 3, result.bytes.size)
                }
            }
        }
    }

    @Test
    fun `an input that is no image is refused`() {
        val small = listOf(listOf(0, 5, 3), listOf(5, -1, 3), listOf(5, 5, 4), listOf(5, 5, 2))
        val refused = small + listOf(listOf(9, 1 shl 30, 3))
        for ((height, width, channels) in refused) {
            val error = assertThrows(PreprocessingException::class.java) {
                prepare(drawn(3), 1, ImagePreparation(), height, width, channels)
            }
            assertEquals(
                "the model's input is [$height, $width, $channels]: expected an image of [height, width, 1 or 3]",
                error.message,
            )
        }
    }

    private fun drawn(channels: Int) = random.pixels(random.between(1, 40), random.between(1, 40), channels)

    private fun turned(photo: Pixels, orientation: Int): Pixels {
        val isSideways = orientation in 5..8
        val height = if (isSideways) photo.width else photo.height
        val width = if (isSideways) photo.height else photo.width
        return prepare(photo, orientation, ImagePreparation(), height, width, photo.channels)
    }

    private fun cropped(photo: Pixels, window: Window): Pixels {
        val rows = (window.top until window.top + window.height).flatMap { row ->
            val start = (row * photo.width + window.left) * photo.channels
            photo.bytes.slice(start until start + window.width * photo.channels)
        }
        return Pixels(window.width, window.height, photo.channels, rows.toByteArray())
    }
}
