package edgeq.demo

import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.drawable.BitmapDrawable
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.provider.MediaStore
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ImageView
import android.widget.ProgressBar
import android.widget.TextView
import edgeq.core.classify.Answer
import edgeq.core.image.Pixels

/** Classifies a photo from the system's picker or from the camera app: neither needs a permission. */
class ClassifyActivity : DemoActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        showLayout(R.layout.activity_classify)
        requireView<TextView>(R.id.variant).text = getString(R.string.classify_variant, variantName.orEmpty())
        requireView<Button>(R.id.pick_button).setOnClickListener {
            launch(pickIntents(), PICK, missing = R.string.no_picker)
        }
        requireView<Button>(R.id.camera_button).setOnClickListener {
            launch(listOf(cameraIntent()), CAMERA, missing = R.string.no_camera)
        }
    }

    override fun onStart() {
        super.onStart()
        demo.classification.observe(this, ::render)
    }

    override fun onPause() {
        if (isFinishing) demo.classification.reset()
        super.onPause()
    }

    override fun onStop() {
        demo.classification.forget(this)
        super.onStop()
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        super.onActivityResult(requestCode, resultCode, data)
        if (resultCode != RESULT_OK) return
        when (requestCode) {
            CAMERA -> classify(SharedFiles.uri(this, SharedFiles.PHOTO))
            PICK -> data?.data?.let(::classify)
        }
    }

    private fun classify(photo: Uri) {
        val name = variantName
        val workbench = demo.workbench
        demo.classification.start { control -> workbench.classify(name, photo, control) }
    }

    /** The picker of photos from Android 13 on, which a few systems lack; else whatever has pictures. */
    private fun pickIntents(): List<Intent> {
        val hasPicker = Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU
        val actions = listOfNotNull(MediaStore.ACTION_PICK_IMAGES.takeIf { hasPicker })
        return actions.map { Intent(it).setType("image/*") } +
            Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
    }

    private fun cameraIntent(): Intent {
        SharedFiles.file(this, SharedFiles.PHOTO).delete()
        val uri = SharedFiles.uri(this, SharedFiles.PHOTO)
        return Intent(MediaStore.ACTION_IMAGE_CAPTURE).putExtra(MediaStore.EXTRA_OUTPUT, uri).apply {
            clipData = ClipData.newRawUri(null, uri)
            addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION or Intent.FLAG_GRANT_READ_URI_PERMISSION)
        }
    }

    /** Starts the first of them that there is an app for. */
    private fun launch(intents: List<Intent>, request: Int, missing: Int) {
        if (intents.any { isLaunched(it, request) }) return
        demo.classification.reset()
        showProblem(getString(missing))
    }

    private fun isLaunched(intent: Intent, request: Int): Boolean = try {
        startActivityForResult(intent, request)
        true
    } catch (_: ActivityNotFoundException) {
        false
    }

    private fun render(state: TaskState<Unit, ClassifiedPhoto>) {
        val isRunning = state is TaskState.Running
        requireView<View>(R.id.progress).showIf(isRunning)
        requireView<View>(R.id.pick_button).isEnabled = !isRunning
        requireView<View>(R.id.camera_button).isEnabled = !isRunning
        showProblem((state as? TaskState.Failed)?.let { explain(it.error) })
        val classified = (state as? TaskState.Done)?.result
        for (id in RESULTS) requireView<View>(id).showIf(classified != null)
        classified?.let(::show)
    }

    private fun show(classified: ClassifiedPhoto) {
        showPicture(classified.seen)
        requireView<TextView>(R.id.picture_caption).text = caption(classified)
        val answers = requireView<ViewGroup>(R.id.answers)
        answers.removeAllViews()
        val scale = classified.answers.maxOf { it.score }.coerceAtLeast(1f)
        for (answer in classified.answers) answers.addView(row(answer, scale, answers))
        val milliseconds = Numbers.significant(classified.inferenceNanos / NANOS_PER_MS)
        val threads = classified.threads
        val time = requireView<TextView>(R.id.time)
        val told =
            resources.getQuantityString(R.plurals.inference_time, threads, milliseconds, threads, classified.variant)
        // What a screen reader says when it is done.
        time.contentDescription = getString(R.string.answered, classified.answers.first().label, told)
        time.text = told
    }

    /** In squares for pixels: no filter hides what the model gets. */
    private fun showPicture(seen: Pixels) {
        val picture = BitmapDrawable(resources, toBitmap(seen)).apply {
            isFilterBitmap = false
            setAntiAlias(false)
        }
        val view = requireView<ImageView>(R.id.picture)
        val longest = resources.getDimensionPixelSize(R.dimen.picture)
        view.layoutParams = view.layoutParams.apply {
            width = longest * seen.width / maxOf(seen.width, seen.height)
            height = longest * seen.height / maxOf(seen.width, seen.height)
        }
        view.scaleType = ImageView.ScaleType.FIT_XY
        view.setImageDrawable(picture)
    }

    private fun caption(classified: ClassifiedPhoto): String {
        val seen = classified.seen
        val photo = classified.photo
        val size = getString(R.string.picture_caption, seen.width, seen.height, photo.width, photo.height)
        if (photo.sampling == 1) return size
        val most = PhotoReader.MOST_PIXELS / PIXELS_PER_MEGAPIXEL
        return size + "\n" + getString(R.string.picture_sampled, most, photo.sampling)
    }

    /** @param scale score of a full bar: 1 for probabilities, more for raw scores. */
    private fun row(answer: Answer, scale: Float, parent: ViewGroup): View {
        val row = layoutInflater.inflate(R.layout.item_answer, parent, false)
        val score = Numbers.decimals(answer.score.toDouble(), SCORE_DECIMALS)
        row.findViewById<TextView>(R.id.label).text = answer.label
        row.findViewById<TextView>(R.id.score).text = score
        val bar = row.findViewById<ProgressBar>(R.id.bar)
        bar.progress = (bar.max * (answer.score / scale).coerceIn(0f, 1f)).toInt()
        row.contentDescription = getString(R.string.answer, answer.label, score)
        return row
    }

    private companion object {
        const val PICK = 1
        const val CAMERA = 2
        const val SCORE_DECIMALS = 3
        const val NANOS_PER_MS = 1e6
        const val PIXELS_PER_MEGAPIXEL = 1e6
        val RESULTS = listOf(R.id.picture, R.id.picture_caption, R.id.answers, R.id.time)

        fun toBitmap(pixels: Pixels): Bitmap {
            val grey = pixels.channels == 1
            val colours = IntArray(pixels.width * pixels.height) { index ->
                val first = index * pixels.channels
                fun channel(number: Int): Int = pixels.bytes[first + if (grey) 0 else number].toInt() and BYTE
                Color.rgb(channel(0), channel(1), channel(2))
            }
            return Bitmap.createBitmap(colours, pixels.width, pixels.height, Bitmap.Config.ARGB_8888)
        }

        private const val BYTE = 0xFF
    }
}
