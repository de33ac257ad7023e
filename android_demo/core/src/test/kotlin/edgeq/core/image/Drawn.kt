package edgeq.core.image

import java.util.Random

/** An image of random levels. */
internal fun Random.pixels(width: Int, height: Int, channels: Int): Pixels =
    Pixels(width, height, channels, ByteArray(width * height * channels).also { nextBytes(it) })

internal fun Random.between(least: Int, most: Int): Int = least + nextInt(most - least + 1)

/** Every method with and without antialiasing. */
internal val everyResize: List<ImagePreparation> = ResizeMethod.entries.flatMap { method ->
    listOf(ImagePreparation(method), ImagePreparation(method, antialias = true))
}
