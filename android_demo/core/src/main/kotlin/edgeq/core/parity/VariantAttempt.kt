package edgeq.core.parity

import edgeq.core.bundle.BundleException
import edgeq.core.model.ModelException
import edgeq.core.tensor.DataException

/**
 * Does something with one variant, so that what goes wrong with it leaves the others as they are: its file may be altered
 * or missing, its recorded data unfit, the runtime may refuse it, and it may need more memory than there is.
 *
 * @param failed gets the reason, one line without a full stop.
 */
inline fun <T> attemptVariant(action: () -> T, failed: (reason: String) -> T): T {
    val reason = try {
        return action()
    } catch (error: ModelException) {
        error.message
    } catch (error: BundleException) {
        error.message
    } catch (error: DataException) {
        error.message
    } catch (_: OutOfMemoryError) {
        "it needs more memory than the app may take"
    }
    return failed(reason ?: "no reason is given")
}
