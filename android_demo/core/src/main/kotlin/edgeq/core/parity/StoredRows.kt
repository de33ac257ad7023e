package edgeq.core.parity

import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.model.TensorInfo
import edgeq.core.model.limitTo
import edgeq.core.model.readWhole
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Outputs of several runs, one after the other, as they are stored.
 *
 * @param infos of the outputs, under the names that the arrays get.
 * @param n number of runs.
 */
internal class StoredRows(private val infos: List<TensorInfo>, private val n: Int) {
    private val rows = infos.map { ByteBuffer.allocate(it.byteCount * n).order(ByteOrder.nativeOrder()) }

    /** Adds what a run wrote: a buffer for each of the infos. */
    fun add(outputs: List<ByteBuffer>) {
        for ((index, row) in rows.withIndex()) row.put(all(outputs[index], infos[index]))
    }

    /** All runs, `[n, shape]` by the output's name, once there were [n] of them. */
    fun arrays(): Map<String, NpyArray> = infos.zip(rows).associate { (info, row) ->
        readWhole(row)
        info.name to NpyArray(NpyType.of(info.type), listOf(n) + info.shape, row)
    }

    private fun all(buffer: ByteBuffer, info: TensorInfo): ByteBuffer {
        val copy = buffer.duplicate()
        readWhole(copy)
        limitTo(copy, info.byteCount)
        return copy
    }
}
