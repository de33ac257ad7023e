package edgeq.core.bundle

/** A bundle that is missing, incomplete, altered or of a newer version; [message] is one line. */
class BundleException(message: String, cause: Throwable? = null) : Exception(message, cause)
