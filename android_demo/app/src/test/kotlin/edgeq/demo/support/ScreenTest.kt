package edgeq.demo.support

import android.app.Activity
import android.content.Intent
import android.view.View
import android.widget.Button
import android.widget.TextView
import edgeq.core.bundle.Bundle
import edgeq.core.bundle.BundleReader
import edgeq.core.bundle.ParityData
import edgeq.core.jvm.LiteRtFactory
import edgeq.core.model.RunnerFactory
import edgeq.demo.DemoApplication
import edgeq.demo.MainActivity
import edgeq.demo.R
import java.io.File
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowBuild

/** A test of screens: the app with the bundle of `edgeq.bundle`, and a runtime that computes on this machine. */
@RunWith(RobolectricTestRunner::class)
abstract class ScreenTest {
    private val started = mutableListOf<ActivityController<*>>()

    /** The app, new in every test. */
    val app: DemoApplication get() = RuntimeEnvironment.getApplication() as DemoApplication

    /** What the app loads models with. */
    lateinit var factory: WatchedFactory
        private set

    /** What the bundle says. */
    val bundle: Bundle by lazy { BundleReader(wholeBundle()).read() }

    /** Its recorded inputs and outputs. */
    val recorded: ParityData by lazy { BundleReader(wholeBundle()).parity(bundle) }

    @Before
    fun useThisMachine() {
        // What computes is this machine: where it is of the kind that recorded, parity is exact.
        ShadowBuild.setSupported64BitAbis(arrayOf("x86_64"))
        app.bundleSource = wholeBundle()
        loadModelsWith(WatchedFactory(realRuntime))
    }

    /** Whatever a test did: no model stays open, and none was touched on the main thread. */
    @After
    fun nothingIsLeft() {
        for (controller in started) {
            if (!controller.get().isDestroyed) controller.back()
        }
        waitUntil("all models are closed") { factory.stillOpen == 0 }
        assertEquals(emptyList<String>(), factory.doneOnMainThread)
    }

    /** Loads models with another factory from now on. */
    fun loadModelsWith(watched: WatchedFactory) {
        factory = watched
        app.runnerFactory = watched
    }

    /** Starts a screen as the system does; the user goes back at the end of the test. */
    fun <T : Activity> start(screen: Class<T>, intent: Intent? = null): ActivityController<T> =
        Robolectric.buildActivity(screen, intent).also { started += it }.setup()

    /** Starts the first screen and waits until it has read the bundle, or cannot. */
    fun startMain(): ActivityController<MainActivity> {
        val main = start(MainActivity::class.java)
        waitUntil("the bundle is read") { !main.get().isSeen(R.id.loading) }
        return main
    }

    /** Starts the screen that a button of the first screen opens, for a variant; null is the one chosen at first. */
    fun <T : Activity> startFromMain(screen: Class<T>, button: Int, variant: String? = null): ActivityController<T> {
        val main = startMain().get()
        assertTrue(main.texts().joinToString("\n"), main.button(button).isEnabled)
        if (variant != null) main.find<View>(R.id.variants).all().first { it.tag == variant }.performClick()
        main.button(button).performClick()
        return start(screen, shadowOf(main).nextStartedActivity)
    }

    /** Turns the phone. What the screen shows then is the new one's. */
    fun turn(controller: ActivityController<*>) {
        controller.recreate()
        letMainThreadWork()
    }

    private companion object {
        /** Loaded once: it is the same library for every test. */
        val realRuntime: RunnerFactory by lazy {
            val library = System.getProperty("edgeq.libLiteRt")
            LiteRtFactory(File(requireNotNull(library) { "the system property edgeq.libLiteRt names no library" }))
        }
    }
}

/** What the back button does. */
fun ActivityController<*>.back() {
    get().finish()
    pause().stop().destroy()
    letMainThreadWork()
}

/** The view of that id. */
fun <T : View> Activity.find(id: Int): T = requireNotNull(findViewById<T>(id)) { resources.getResourceName(id) }

/** The button of that id. */
fun Activity.button(id: Int): Button = find(id)

/** The text of that id. */
fun Activity.text(id: Int): String = find<TextView>(id).text.toString()

/** Whether the view can be seen. */
fun Activity.isSeen(id: Int): Boolean = find<View>(id).isShown
