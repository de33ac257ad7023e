package edgeq.core.model

import java.nio.Buffer

/*
 * As functions of Buffer: its subclasses override these with a type of their own, which Android before 9 lacks.
 */

/** Makes all of a buffer readable, and writable, from its beginning. */
internal fun readWhole(buffer: Buffer) {
    buffer.clear()
}

/** Ends a buffer behind its first bytes. */
internal fun limitTo(buffer: Buffer, bytes: Int) {
    buffer.limit(bytes)
}

/** Makes some of a buffer readable: so many bytes from one of them on. */
internal fun narrowTo(buffer: Buffer, from: Int, bytes: Int) {
    buffer.position(from)
    buffer.limit(from + bytes)
}
