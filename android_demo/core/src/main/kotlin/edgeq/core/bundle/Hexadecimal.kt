package edgeq.core.bundle

/** Two digits for each byte. Not by `String.format`, whose digits are those of the phone's language. */
internal fun ByteArray.hexadecimal(): String =
    joinToString("") { byte -> (byte.toInt() and 0xFF).toString(radix = 16).padStart(2, '0') }
