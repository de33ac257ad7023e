package edgeq.demo

import android.app.Activity
import android.os.Build
import android.util.Log
import android.view.View
import android.view.WindowInsets
import android.widget.TextView
import edgeq.core.bundle.BundleException
import edgeq.core.image.PreprocessingException
import edgeq.core.model.ModelException
import edgeq.core.tensor.DataException
import java.io.IOException

/** What the screens have in common. */
abstract class DemoActivity : Activity() {
    /** Holds what outlives this screen. */
    protected val demo: DemoApplication get() = application as DemoApplication

    /** Name of the variant that the screen is for; null for the recommended one. */
    protected val variantName: String? get() = intent.getStringExtra(VARIANT)

    /** Shows a layout whose root is `@+id/screen`, clear of the system's bars and of the camera's cutout. */
    protected fun showLayout(layout: Int) {
        setContentView(layout)
        // Android 15 is the first that lays this app out under its bars.
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return
        requireView<View>(R.id.screen).setOnApplyWindowInsetsListener { view, insets ->
            val covered = WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout() or WindowInsets.Type.ime()
            val edges = insets.getInsets(covered)
            view.setPadding(edges.left, edges.top, edges.right, edges.bottom)
            WindowInsets.CONSUMED
        }
    }

    /** A view of the layout that is shown. */
    protected fun <T : View> requireView(id: Int): T =
        findViewById<T>(id) ?: throw IllegalStateException("the layout has no ${resources.getResourceEntryName(id)}")

    /** Shows what is wrong in `@+id/problem`; null for nothing. */
    protected fun showProblem(text: String?) {
        val problem = requireView<TextView>(R.id.problem)
        problem.showIf(text != null)
        problem.text = text
    }

    /** An error as a person reads it. */
    protected fun explain(error: Throwable): String = when (error) {
        is BundleException, is ModelException, is PhotoException, is DataException, is PreprocessingException ->
            sentence(error.message.orEmpty())
        is IOException -> error.message?.let(::sentence) ?: getString(R.string.unexpected, error.javaClass.simpleName)
        is OutOfMemoryError -> getString(R.string.out_of_memory)
        else -> {
            Log.e(TAG, "unexpected error", error)
            getString(R.string.unexpected, "${error.javaClass.simpleName}: ${error.message}")
        }
    }

    companion object {
        /** Extra of an intent: name of the variant. */
        const val VARIANT: String = "edgeq.demo.VARIANT"

        private const val TAG = "edgeq"
    }
}

/** Shows or hides a view. */
internal fun View.showIf(condition: Boolean) {
    visibility = if (condition) View.VISIBLE else View.GONE
}
