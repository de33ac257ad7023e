package edgeq.demo

import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ProgressBar
import android.widget.TextView

/** Shows whether the phone computes what the desktop recorded, green or red, and what differs. */
class ParityActivity : DemoActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        showLayout(R.layout.activity_parity)
        val one = requireView<Button>(R.id.check_button)
        one.text = getString(R.string.check_one, variantName.orEmpty())
        one.setOnClickListener { check(variantName) }
        requireView<Button>(R.id.check_all_button).setOnClickListener { check(name = null) }
        requireView<Button>(R.id.stop_button).setOnClickListener { demo.parity.stop() }
        if (savedInstanceState == null) check(variantName)
    }

    override fun onStart() {
        super.onStart()
        demo.parity.observe(this, ::render)
    }

    override fun onPause() {
        // Before the next screen resumes, which may start a check of its own.
        if (isFinishing) demo.parity.reset()
        super.onPause()
    }

    override fun onStop() {
        demo.parity.forget(this)
        super.onStop()
    }

    private fun check(name: String?) {
        val workbench = demo.workbench
        demo.parity.start { control -> workbench.parity(name, control) }
    }

    private fun render(state: TaskState<ParityProgress, List<ParityOutcome>>) {
        val isRunning = state is TaskState.Running
        requireView<View>(R.id.check_button).isEnabled = !isRunning
        requireView<View>(R.id.check_all_button).isEnabled = !isRunning
        requireView<View>(R.id.stop_button).showIf(isRunning)
        renderProgress((state as? TaskState.Running)?.progress, isRunning)
        showProblem((state as? TaskState.Failed)?.let { explain(it.error) })
        val results = requireView<ViewGroup>(R.id.results)
        results.removeAllViews()
        for (outcome in (state as? TaskState.Done)?.result.orEmpty()) {
            val item = layoutInflater.inflate(R.layout.item_parity, results, false)
            ParityItem(item).show(outcome)
            results.addView(item)
        }
    }

    private fun renderProgress(progress: ParityProgress?, isRunning: Boolean) {
        val text = requireView<TextView>(R.id.progress_text)
        val bar = requireView<ProgressBar>(R.id.progress)
        text.showIf(isRunning)
        bar.showIf(isRunning)
        bar.isIndeterminate = progress == null || progress.count == 1
        if (progress == null) {
            text.text = getString(R.string.parity_starts)
        } else {
            text.text = getString(R.string.parity_progress, progress.variant, progress.position, progress.count)
            bar.max = progress.count
            bar.progress = progress.position - 1
        }
    }
}
