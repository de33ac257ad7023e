package edgeq.core.image

import java.util.Random
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class WindowTest {
    @Test
    fun `crop takes all of the shorter side from the centre`() {
        assertEquals(Window(0, 500, 3000, 3000), cropWindow(Size(3000, 4000), Size(224, 224), 1.0))
        assertEquals(Window(1, 0, 7, 5), cropWindow(Size(9, 5), Size(7, 5), 1.0))
    }

    @Test
    fun `a fraction is taken of both sides and rounds an odd margin up`() {
        assertEquals(Window(188, 688, 2625, 2625), cropWindow(Size(3000, 4000), Size(224, 224), 0.875))
        assertEquals(Window(2, 2, 1, 1), cropWindow(Size(4, 4), Size(1, 1), 1e-9))
    }

    @Test
    fun `letterbox keeps the aspect and puts an odd bar below`() {
        assertEquals(Window(28, 0, 168, 224), letterboxWindow(Size(3000, 4000), Size(224, 224)))
        assertEquals(Window(2, 0, 5, 10), letterboxWindow(Size(20, 40), Size(10, 10)))
    }

    @Test
    fun `windows lie inside for all sizes`() {
        val random = Random(5)
        repeat(100_000) {
            val size = Size(side(random), side(random))
            val target = Size(side(random), side(random))
            val fraction = 1 - random.nextDouble()
            assertInside(cropWindow(size, target, fraction), size)
            assertInside(letterboxWindow(size, target), target)
        }
    }

    private fun side(random: Random): Int = random.between(1, if (random.nextBoolean()) 30 else 65_000)

    private fun assertInside(window: Window, size: Size) {
        val isInside = window.top >= 0 && window.left >= 0 && window.height > 0 && window.width > 0 &&
            window.top + window.height <= size.height && window.left + window.width <= size.width
        assertTrue(isInside) { "$window is not inside of $size" }
    }
}
