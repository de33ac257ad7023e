package edgeq.demo

import android.app.Activity
import android.content.ComponentName
import android.content.Intent
import android.content.IntentFilter
import android.graphics.Bitmap
import android.net.Uri
import android.provider.MediaStore
import android.view.View
import android.widget.ProgressBar
import android.widget.TextView
import edgeq.core.bundle.NpyArray
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.WatchedFactory
import edgeq.demo.support.all
import edgeq.demo.support.back
import edgeq.demo.support.button
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.photoOf
import edgeq.demo.support.text
import edgeq.demo.support.toJpeg
import edgeq.demo.support.turned
import edgeq.demo.support.waitUntil
import edgeq.demo.support.withOrientation
import java.util.concurrent.CountDownLatch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** The screen that says what is in a photo. */
class ClassifyScreenTest : ScreenTest() {
    private val images: NpyArray get() = recorded.inputs.values.single()

    @Test
    fun `says what the source model says of recorded pictures`() {
        val screen = startClassify().get()
        for (index in 0 until PICTURES) {
            pick(screen, photoOf(images, index, FACTOR).toJpeg(), index)

            assertEquals("picture $index", expected(index), screen.labels().first())
        }
    }

    @Test
    fun `a photo that was taken sideways is turned by its orientation`() {
        val screen = startClassify().get()
        val upright = photoOf(images, 0, FACTOR)
        // 6: the camera was turned clockwise, so that the file's picture is turned the other way.
        pick(screen, upright.turned(-90f).toJpeg().withOrientation(6), 0)
        assertEquals(expected(0), screen.labels().first())
        // 3: upside down.
        pick(screen, upright.turned(180f).toJpeg().withOrientation(3), 1)
        assertEquals(expected(0), screen.labels().first())
    }

    @Test
    fun `the camera app writes its photo into this app`() {
        val screen = startClassify().get()
        screen.button(R.id.camera_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, request.intent.action)
        assertTrue(request.intent.flags and Intent.FLAG_GRANT_WRITE_URI_PERMISSION != 0)
        @Suppress("DEPRECATION") // The typed one is of API 33; this app runs on 23.
        val place = requireNotNull(request.intent.getParcelableExtra<Uri>(MediaStore.EXTRA_OUTPUT))
        val photo = photoOf(images, 1, FACTOR).toJpeg()
        requireNotNull(app.contentResolver.openOutputStream(place)).use { it.write(photo) }
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, null)
        waitUntil("it is classified") { screen.isSeen(R.id.answers) }

        assertEquals(expected(1), screen.labels().first())
    }

    @Test
    fun `no camera app is told`() {
        val screen = startClassify().get()
        shadowOf(app).checkActivities(true)
        screen.button(R.id.camera_button).performClick()

        assertEquals(screen.getString(R.string.no_camera), screen.text(R.id.problem))
        screen.button(R.id.pick_button).performClick()
        assertEquals(screen.getString(R.string.no_picker), screen.text(R.id.problem))
    }

    @Test
    fun `where the system has no picker of photos another app is asked`() {
        val screen = startClassify().get()
        shadowOf(app).checkActivities(true)
        val other = ComponentName("gallery", "gallery.Pick")
        val asked = IntentFilter(Intent.ACTION_GET_CONTENT, "image/*").apply {
            addCategory(Intent.CATEGORY_OPENABLE)
            addCategory(Intent.CATEGORY_DEFAULT)
        }
        shadowOf(app.packageManager).addActivityIfNotPresent(other)
        shadowOf(app.packageManager).addIntentFilterForActivity(other, asked)
        screen.button(R.id.pick_button).performClick()

        assertFalse(screen.text(R.id.problem), screen.isSeen(R.id.problem))
        assertEquals(Intent.ACTION_GET_CONTENT, shadowOf(screen).nextStartedActivityForResult.intent.action)
    }

    @Test
    fun `a screen reader is told the answer`() {
        val screen = startClassify().get()
        pick(screen, photoOf(images, 0, FACTOR).toJpeg(), 0)

        val time = screen.find<View>(R.id.time)
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, time.accessibilityLiveRegion)
        assertTrue("${time.contentDescription}", time.contentDescription.startsWith(expected(0)))
    }

    @Test
    fun `a file that is no image is told`() {
        val screen = startClassify().get()
        pick(screen, "no image at all".toByteArray(), 0)

        assertProblem(screen, "no image")
    }

    @Test
    fun `an image that is cut off is told or shown but never crashes`() {
        val screen = startClassify().get()
        val whole = photoOf(images, 0, FACTOR).toJpeg()
        pick(screen, whole.copyOf(whole.size / 20), 0)

        assertTrue(screen.texts().toString(), screen.isSeen(R.id.problem) || screen.isSeen(R.id.answers))
    }

    @Test
    fun `a photo that is gone is told`() {
        val screen = startClassify().get()
        screen.button(R.id.pick_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        val gone = Intent().setData(SharedFiles.uri(screen, "gone.jpg"))
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, gone)
        waitUntil("it ends") { screen.button(R.id.pick_button).isEnabled }

        assertProblem(screen, "gone")
    }

    @Test
    fun `a photo of more pixels than are kept is sampled`() {
        val screen = startClassify().get()
        val large = Bitmap.createScaledBitmap(photoOf(images, 0, 1), LARGE, LARGE, false)
        pick(screen, large.toJpeg(), 0)

        assertEquals(expected(0), screen.labels().first())
        assertTrue(screen.text(R.id.picture_caption), "$LARGE" in screen.text(R.id.picture_caption))
    }

    @Test
    fun `too little memory is told and the next photo works`() {
        val real = app.runnerFactory
        loadModelsWith(WatchedFactory({ _, _ -> throw OutOfMemoryError("Failed to allocate 1 byte") }))
        val screen = startClassify().get()
        pick(screen, photoOf(images, 0, FACTOR).toJpeg(), 0)
        assertEquals(screen.getString(R.string.out_of_memory), screen.text(R.id.problem))

        loadModelsWith(WatchedFactory(real))
        pick(screen, photoOf(images, 0, FACTOR).toJpeg(), 1)
        assertFalse(screen.isSeen(R.id.problem))
        assertEquals(expected(0), screen.labels().first())
    }

    @Test
    fun `an answer outlives a turn of the phone`() {
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { gate.await() }))
        val controller = startClassify()
        choosePhoto(controller.get(), photoOf(images, 2, FACTOR).toJpeg(), 0)
        waitUntil("the model is loaded") { factory.opened == 1 }
        turn(controller)
        gate.countDown()
        waitUntil("it is classified") { controller.get().isSeen(R.id.answers) }

        assertEquals(expected(2), controller.get().labels().first())
        assertEquals(1, factory.opened)
        val bars = controller.get().bars()
        assertTrue("$bars", bars.first() > 0)
        turn(controller)
        assertEquals("each answer keeps its own bar", bars, controller.get().bars())
    }

    @Test
    fun `going back closes the model`() {
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { gate.await() }))
        val controller = startClassify()
        choosePhoto(controller.get(), photoOf(images, 0, FACTOR).toJpeg(), 0)
        waitUntil("the model is loaded") { factory.opened == 1 }
        controller.back()
        gate.countDown()
        waitUntil("the model is closed") { factory.stillOpen == 0 }

        assertEquals(TaskState.Idle, app.classification.state)
    }

    private fun startClassify(): ActivityController<ClassifyActivity> =
        startFromMain(ClassifyActivity::class.java, R.id.classify_button, "int8")

    private fun pick(screen: ClassifyActivity, photo: ByteArray, number: Int) {
        choosePhoto(screen, photo, number)
        waitUntil("photo $number is done") { screen.button(R.id.pick_button).isEnabled }
    }

    /** Plays the system's picker. */
    private fun choosePhoto(screen: ClassifyActivity, photo: ByteArray, number: Int) {
        val place = Uri.parse("content://photos/$number")
        shadowOf(app.contentResolver).registerInputStreamSupplier(place) { photo.inputStream() }
        screen.button(R.id.pick_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, Intent().setData(place))
    }

    private fun assertProblem(screen: ClassifyActivity, part: String) {
        assertTrue(screen.isSeen(R.id.problem))
        assertTrue(screen.text(R.id.problem), part in screen.text(R.id.problem))
        assertFalse(screen.isSeen(R.id.answers))
        assertEquals(0, factory.opened)
    }

    /** The class that the source model gave the recorded picture. */
    private fun expected(index: Int): String {
        val scores = recorded.reference.values.single()
        val classes = scores.count / recorded.n
        return bundle.labels[(0 until classes).maxBy { scores.double(index * classes + it) }]
    }

    private fun ClassifyActivity.labels(): List<String> =
        find<View>(R.id.answers).all().filter { it.id == R.id.label }.map { (it as TextView).text.toString() }

    private fun ClassifyActivity.bars(): List<Int> =
        find<View>(R.id.answers).all().filterIsInstance<ProgressBar>().map { it.progress }

    private fun ClassifyActivity.texts(): List<String> = listOf(text(R.id.problem)) + labels()

    private companion object {
        const val PICTURES = 4
        const val FACTOR = 10

        /** More than 12 megapixels. */
        const val LARGE = 3600
    }
}
