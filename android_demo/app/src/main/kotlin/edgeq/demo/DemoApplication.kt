package edgeq.demo

import android.app.Application
import android.net.Uri
import android.os.Handler
import android.os.Looper
import edgeq.core.bundle.BundleSource
import edgeq.core.measure.Host
import edgeq.core.model.RunnerFactory
import java.util.concurrent.Executor
import java.util.concurrent.Executors

/** Holds what screens share and what must outlive them: the bundle, the runtime and the work that is under way. */
class DemoApplication : Application() {
    /** Loads models. */
    var runnerFactory: RunnerFactory
        get() = chosenFactory ?: InterpreterFactory(getString(R.string.runtime_name)).also { chosenFactory = it }
        set(value) {
            chosenFactory = value
        }

    /** Where the bundle is: under `assets/edgeq`, where `edgeq android` puts it. */
    var bundleSource: BundleSource
        get() = chosenSource ?: AssetSource(assets, ASSETS).also { chosenSource = it }
        set(value) {
            chosenSource = value
            workbench.reset()
        }

    /** Tells what the phone is. */
    var hostSource: () -> Host = { PhoneHost(this).host() }

    /** The bundle, as far as it was read, and what is made with it. */
    val workbench: Workbench by lazy { Workbench(this) }

    private var chosenFactory: RunnerFactory? = null
    private var chosenSource: BundleSource? = null

    private val worker: Executor = Executors.newSingleThreadExecutor { work ->
        Thread(work, "edgeq work").apply { isDaemon = true }
    }
    private val handler = Handler(Looper.getMainLooper())
    private val main = Executor(handler::post)

    /** Reads the bundle. */
    val loading: Task<Unit, Catalog> = Task(worker, main)

    /** Checks parity. */
    val parity: Task<ParityProgress, List<ParityOutcome>> = Task(worker, main)

    /** Measures. */
    val benchmark: Task<BenchmarkProgress, BenchmarkOutcome> = Task(worker, main)

    /** Classifies a photo. */
    val classification: Task<Unit, ClassifiedPhoto> = Task(worker, main)

    /** Writes results to a file that the user chose. */
    val saving: Task<Unit, Uri> = Task(worker, main)

    private companion object {
        const val ASSETS = "edgeq"
    }
}
