package edgeq.demo

import android.content.ComponentName
import android.content.pm.ActivityInfo
import android.content.pm.PackageManager
import android.view.View
import android.widget.RadioButton
import edgeq.core.bundle.BundleSource
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.all
import edgeq.demo.support.back
import edgeq.demo.support.brokenOffBundle
import edgeq.demo.support.button
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.newerBundle
import edgeq.demo.support.text
import edgeq.demo.support.wholeBundle
import java.io.FileNotFoundException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Shadows.shadowOf

/** The first screen. */
class MainScreenTest : ScreenTest() {
    @Test
    fun `lists the variants and chooses the recommended one`() {
        val screen = startMain().get()

        assertEquals(bundle.name, screen.text(R.id.bundle_name))
        assertEquals(bundle.variants.map { it.name }, screen.choices().map { it.tag })
        assertEquals(listOf(bundle.variants.first().name), screen.choices().filter { it.isChecked }.map { it.tag })
    }

    @Test
    fun `the chosen variant outlives a turn of the phone and goes to the next screen`() {
        val controller = startMain()
        controller.get().choices().last().performClick()
        turn(controller)
        val screen = controller.get()

        assertEquals(listOf(bundle.variants.last().name), screen.choices().filter { it.isChecked }.map { it.tag })
        screen.button(R.id.classify_button).performClick()
        val next = shadowOf(screen).nextStartedActivity
        assertEquals(bundle.variants.last().name, next.getStringExtra(DemoActivity.VARIANT))
    }

    @Test
    fun `the bundle is read from the assets of the app`() {
        app.bundleSource = AssetSource(app.assets, "edgeq")
        val screen = startMain().get()

        assertEquals(screen.text(R.id.problem), bundle.name, screen.text(R.id.bundle_name))
        assertTrue(screen.button(R.id.parity_button).isEnabled)
    }

    @Test
    fun `a bundle that was copied only in part is told with what to do`() {
        app.bundleSource = brokenOffBundle("bundle.json")

        assertTellsWhatToDo(startMain().get())
    }

    @Test
    fun `a bundle of a newer version is told with what to do`() {
        app.bundleSource = newerBundle()

        assertTellsWhatToDo(startMain().get())
    }

    @Test
    fun `an app without a bundle tells what to do`() {
        app.bundleSource = BundleSource { throw FileNotFoundException(it) }

        assertTellsWhatToDo(startMain().get())
    }

    @Test
    fun `opened again after a failure it reads the bundle again, turned it does not`() {
        app.bundleSource = brokenOffBundle("bundle.json")
        val first = startMain()
        app.bundleSource = wholeBundle()
        turn(first)
        assertTrue(first.get().isSeen(R.id.problem))
        first.back()

        val screen = startMain().get()
        assertFalse(screen.text(R.id.problem), screen.isSeen(R.id.problem))
        assertEquals(bundle.name, screen.text(R.id.bundle_name))
    }

    @Test
    fun `a screen that is opened twice by a double tap is there once`() {
        val screens = listOf(ParityActivity::class.java, BenchmarkActivity::class.java, ClassifyActivity::class.java)
        for (screen in screens) {
            val declared = app.packageManager.getActivityInfo(ComponentName(app, screen), 0)
            assertEquals(screen.simpleName, ActivityInfo.LAUNCH_SINGLE_TOP, declared.launchMode)
        }
    }

    @Test
    fun `shared files have the authority of the app's own name`() {
        val provider = app.packageManager.resolveContentProvider("${app.packageName}.files", 0)
        assertEquals(SharedFiles::class.java.name, provider?.name)
    }

    @Test
    fun `no permission is asked for`() {
        val told = app.packageManager.getPackageInfo(app.packageName, PackageManager.GET_PERMISSIONS)

        assertNull(told.requestedPermissions)
    }

    private fun assertTellsWhatToDo(screen: MainActivity) {
        assertTrue(screen.isSeen(R.id.problem))
        val told = screen.text(R.id.problem)
        assertTrue(told, told.endsWith(screen.getString(R.string.nothing_done)))
        assertTrue(told, "edgeq android" in told || "update the app" in told)
        assertEquals("the advice is given once: $told", 1, told.split("edgeq android", "update the app").size - 1)
        assertTrue(told, "Unexpected" !in told)
        for (id in listOf(R.id.parity_button, R.id.benchmark_button, R.id.classify_button)) {
            assertFalse(screen.button(id).isEnabled)
        }
    }

    private fun MainActivity.choices(): List<RadioButton> =
        find<View>(R.id.variants).all().filterIsInstance<RadioButton>()
}
