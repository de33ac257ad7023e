package edgeq.core.image

/** A preprocessing is damaged, of a newer version, or not one for these pixels; [message] is one line. */
class PreprocessingException(message: String, cause: Throwable? = null) : Exception(message, cause)
