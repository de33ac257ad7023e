package edgeq.core.image

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class PixelsTest {
    @Test
    fun `the colours of a bitmap come in the order red, green, blue, and transparency is dropped`() {
        val pixels = Pixels.fromArgb(intArrayOf(0x00010203, 0xFFFFFEFD.toInt(), 0x7F808182), 3, 1)
        assertEquals(listOf(1, 2, 3, 255, 254, 253, 128, 129, 130), pixels.bytes.map { it.toInt() and 0xFF })
    }

    @Test
    fun `a bitmap read row by row gives the same pixels`() {
        val argb = IntArray(12) { it * 0x10305 }
        val whole = Pixels.fromArgb(argb, 4, 3)
        val rows = Pixels.fromArgbRows(4, 3) { row, into -> argb.copyInto(into, 0, row * 4, row * 4 + 4) }
        assertArrayEquals(whole.bytes, rows.bytes)
    }

    @Test
    fun `grey weighs green most, keeps white and black, and rounds`() {
        val colours = byteArrayOf(-1, 0, 0, 0, -1, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 10, 10, 10)
        val grey = Pixels(6, 1, 3, colours).toGrey()
        // 0.299, 0.587 and 0.114 of 255 are 76.2, 149.7 and 29.1.
        assertEquals(listOf(76, 150, 29, 255, 0, 10), grey.bytes.map { it.toInt() and 0xFF })
        assertSame(grey, grey.toGrey())
    }

    @Test
    fun `red and blue are exchanged in a copy, and grey stays as it is`() {
        val pixels = Pixels(2, 1, 3, byteArrayOf(1, 2, 3, 4, 5, 6))
        assertArrayEquals(byteArrayOf(3, 2, 1, 6, 5, 4), pixels.withRedForBlue().bytes)
        assertArrayEquals(byteArrayOf(1, 2, 3, 4, 5, 6), pixels.bytes)
        val grey = Pixels(2, 1, 1, byteArrayOf(1, 2))
        assertSame(grey, grey.withRedForBlue())
    }

    @Test
    fun `sizes that do not fit are refused`() {
        for (size in listOf(0, 11, 13)) {
            assertThrows(IllegalArgumentException::class.java) { Pixels(2, 2, 3, ByteArray(size)) }
        }
        assertThrows(IllegalArgumentException::class.java) { Pixels(0, 2, 3, ByteArray(0)) }
        assertThrows(IllegalArgumentException::class.java) { Pixels(1, 1, 4, ByteArray(4)) }
        assertThrows(IllegalArgumentException::class.java) { Pixels.fromArgb(IntArray(5), 2, 2) }
        assertThrows(IllegalArgumentException::class.java) { Pixels.fromArgbRows(70_000, 70_000) { _, _ -> } }
        // 2^16 squared is 0 in 32 bits.
        assertThrows(IllegalArgumentException::class.java) { Pixels(65_536, 65_536, 1, ByteArray(0)) }
    }
}
