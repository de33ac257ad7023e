package edgeq.demo.support

import android.app.Activity
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Insets
import android.view.View
import android.view.ViewGroup
import android.view.WindowInsets
import android.widget.TextView
import java.io.File

/** Heights of the bars that the system draws over every app, in dp, as on a phone with three buttons. */
private const val STATUS_BAR_DP = 24
private const val NAVIGATION_BAR_DP = 48

private const val PNG_QUALITY = 100

/** Where the images go; null writes none. */
private val folder: File? = System.getProperty("edgeq.screens")?.let(::File)

/**
 * Lays the screen out between the system's bars, which targets from API 35 on draw under, and draws what is seen.
 *
 * Tests of layout look at the views afterwards; the image `NAME.png` is written where `edgeq.screens` names a folder.
 */
fun Activity.screenshot(name: String): Bitmap {
    insetByBars()
    val view = window.decorView
    // Ticks of radio buttons move on a thread of the system that is not here.
    view.jumpDrawablesToCurrentState()
    val image = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
    view.draw(Canvas(image))
    folder?.let { into ->
        into.mkdirs()
        File(into, "$name.png").outputStream().use { image.compress(Bitmap.CompressFormat.PNG, PNG_QUALITY, it) }
    }
    return image
}

/** Tells the window about the system's bars; there are none here that would. */
private fun Activity.insetByBars() {
    val view = window.decorView
    val density = resources.displayMetrics.density
    val bars = WindowInsets.Builder()
        .setInsets(WindowInsets.Type.statusBars(), Insets.of(0, (STATUS_BAR_DP * density).toInt(), 0, 0))
        .setInsets(WindowInsets.Type.navigationBars(), Insets.of(0, 0, 0, (NAVIGATION_BAR_DP * density).toInt()))
        .build()
    view.dispatchApplyWindowInsets(bars)
    letMainThreadWork()
    view.requestLayout()
    letAnimationsEnd()
}

/** Number of pixels of exactly this colour. */
fun Bitmap.count(colour: Int): Int {
    val pixels = IntArray(width * height)
    getPixels(pixels, 0, width, 0, 0, width, height)
    return pixels.count { it == colour }
}

/** This view and all below it. */
fun View.all(): List<View> =
    listOf(this) + (this as? ViewGroup)?.let { group ->
        (0 until group.childCount).flatMap { group.getChildAt(it).all() }
    }.orEmpty()

/** Everything that can be read on the screen, in the order of the views. */
fun Activity.texts(): List<String> =
    window.decorView.all().filter { it.isShown }.filterIsInstance<TextView>()
        .map { it.text.toString() }.filter { it.isNotBlank() }
