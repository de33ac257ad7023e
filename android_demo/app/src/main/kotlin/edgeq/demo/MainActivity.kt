package edgeq.demo

import android.content.Intent
import android.os.Bundle
import android.text.format.Formatter
import android.view.View
import android.widget.Button
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.TextView
import edgeq.core.bundle.Bundle as ModelBundle
import edgeq.core.bundle.Variant
import edgeq.core.model.TensorInfo

/** Lists the variants of the bundle and opens the other screens for the chosen one. */
class MainActivity : DemoActivity() {
    private var chosen: String? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        showLayout(R.layout.activity_main)
        chosen = savedInstanceState?.getString(CHOSEN)
        // Whoever opens the app again wants another try.
        if (savedInstanceState == null && demo.loading.state is TaskState.Failed) demo.loading.reset()
        open(R.id.parity_button, ParityActivity::class.java)
        open(R.id.benchmark_button, BenchmarkActivity::class.java)
        open(R.id.classify_button, ClassifyActivity::class.java)
    }

    override fun onStart() {
        super.onStart()
        val loading = demo.loading
        if (loading.state == TaskState.Idle) loading.start { Catalog(demo.workbench.bundle()) }
        loading.observe(this, ::render)
    }

    override fun onStop() {
        demo.loading.forget(this)
        super.onStop()
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putString(CHOSEN, chosen)
    }

    private fun open(button: Int, screen: Class<out DemoActivity>) {
        requireView<Button>(button).setOnClickListener {
            startActivity(Intent(this, screen).putExtra(VARIANT, chosen))
        }
    }

    private fun render(state: TaskState<Unit, Catalog>) {
        requireView<View>(R.id.loading).showIf(state is TaskState.Running || state == TaskState.Idle)
        val failure = state as? TaskState.Failed
        showProblem(failure?.let { "${explain(it.error)}\n\n${getString(R.string.nothing_done)}" })
        val bundle = (state as? TaskState.Done)?.result?.bundle
        requireView<View>(R.id.variants_heading).showIf(bundle != null)
        for (button in BUTTONS) requireView<View>(button).isEnabled = bundle != null
        bundle?.let(::list)
    }

    private fun list(bundle: ModelBundle) {
        requireView<TextView>(R.id.bundle_name).text = bundle.name
        requireView<TextView>(R.id.bundle_details).text = details(bundle)
        val left = requireView<TextView>(R.id.unsupported)
        left.showIf(bundle.unsupported.isNotEmpty())
        left.text = bundle.unsupported.entries.joinToString("\n") { getString(R.string.unsupported, it.key, it.value) }

        val group = requireView<RadioGroup>(R.id.variants)
        group.setOnCheckedChangeListener(null)
        group.removeAllViews()
        val wanted = bundle.variants.firstOrNull { it.name == chosen } ?: bundle.variants.firstOrNull()
        for (variant in bundle.variants) {
            val button = choice(variant, isRecommended = variant === bundle.variants.first())
            group.addView(button)
            if (variant === wanted) group.check(button.id)
        }
        chosen = wanted?.name
        group.setOnCheckedChangeListener { _, id -> chosen = group.findViewById<View>(id)?.tag as? String }
    }

    private fun choice(variant: Variant, isRecommended: Boolean): RadioButton {
        val name = if (isRecommended) getString(R.string.recommended, variant.name) else variant.name
        val size = Formatter.formatShortFileSize(this, variant.sizeBytes)
        val details = getString(R.string.variant_details, variant.scheme, size, types(variant))
        return RadioButton(this).apply {
            id = View.generateViewId()
            tag = variant.name
            text = getString(R.string.two_lines, name, details)
            minHeight = resources.getDimensionPixelSize(R.dimen.touch)
        }
    }

    private fun types(variant: Variant): String =
        (variant.inputs + variant.outputs).map { it.type.jsonName }.distinct().joinToString(" / ")

    private fun details(bundle: ModelBundle): String {
        val inputs = bundle.variants.firstOrNull()?.inputs.orEmpty().joinToString { it.shown() }
        val variants = bundle.variants.size
        val shown = resources.getQuantityString(R.plurals.bundle_details, variants, variants, inputs)
        val classes = bundle.labels.size
        if (classes == 0) return shown
        return "$shown · ${resources.getQuantityString(R.plurals.classes, classes, classes)}"
    }

    private fun TensorInfo.shown(): String = "$name $shape"

    private companion object {
        const val CHOSEN = "chosen"
        val BUTTONS = listOf(R.id.parity_button, R.id.benchmark_button, R.id.classify_button)
    }
}
