package edgeq.core.jvm

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.IntByReference
import edgeq.core.model.ModelException
import edgeq.core.model.Quantization
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType

/** An input or output of a compiled model, with its memory. */
internal class LiteRtTensor(val info: TensorInfo, val buffer: Pointer)

/** Whether it is one of the inputs or of the outputs, whose functions differ by name alone. */
internal enum class Side { INPUT, OUTPUT }

/** Makes the tensors of the first signature of a compiled model, with memory for each. */
internal class LiteRtTensors(
    private val library: LiteRtLibrary,
    private val environment: Pointer,
    private val compiled: Pointer,
    private val signature: Pointer,
) {
    fun all(side: Side): List<LiteRtTensor> {
        val count = size("the number of tensors") {
            if (side == Side.INPUT) {
                library.LiteRtGetNumSignatureInputs(signature, it)
            } else {
                library.LiteRtGetNumSignatureOutputs(signature, it)
            }
        }
        val layouts = layouts(side, count)
        return List(count) { tensor(side, it.toLong(), layouts.share(it * LAYOUT_BYTES, LAYOUT_BYTES)) }
    }

    private fun tensor(side: Side, index: Long, layout: Pointer): LiteRtTensor {
        val name = pointer("a name") {
            if (side == Side.INPUT) {
                library.LiteRtGetSignatureInputName(signature, index, it)
            } else {
                library.LiteRtGetSignatureOutputName(signature, index, it)
            }
        }
        val tensor = pointer("a tensor") {
            if (side == Side.INPUT) {
                library.LiteRtGetSignatureInputTensorByIndex(signature, index, it)
            } else {
                library.LiteRtGetSignatureOutputTensorByIndex(signature, index, it)
            }
        }
        val type = Memory(LAYOUT_AT + LAYOUT_BYTES)
        check("a tensor's type", library.LiteRtGetRankedTensorType(tensor, type))
        // In the file, a free dimension is -1; as compiled, it is 1.
        type.write(LAYOUT_AT, layout.getByteArray(0, LAYOUT_BYTES.toInt()), 0, LAYOUT_BYTES.toInt())
        val info = TensorInfo(name.getString(0, "UTF-8"), typeOf(type), shapeOf(layout), quantizationOf(tensor))
        return LiteRtTensor(info, memory(side, index, type))
    }

    private fun memory(side: Side, index: Long, type: Pointer): Pointer {
        val requirements = pointer("what a buffer needs") {
            if (side == Side.INPUT) {
                library.LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, index, it)
            } else {
                library.LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, index, it)
            }
        }
        return pointer("a buffer") {
            library.LiteRtCreateManagedTensorBufferFromRequirements(environment, type, requirements, it)
        }
    }

    private fun layouts(side: Side, count: Int): Memory {
        val layouts = Memory(maxOf(1, count) * LAYOUT_BYTES)
        if (side == Side.OUTPUT) {
            val status = library.LiteRtGetCompiledModelOutputTensorLayouts(compiled, 0, count.toLong(), layouts, true)
            check("the shapes of the outputs", status)
        } else {
            for (index in 0L until count) {
                val layout = layouts.share(index * LAYOUT_BYTES, LAYOUT_BYTES)
                val status = library.LiteRtGetCompiledModelInputTensorLayout(compiled, 0, index, layout)
                check("the shape of an input", status)
            }
        }
        return layouts
    }

    private fun quantizationOf(tensor: Pointer): Quantization? {
        val kind = IntByReference()
        check("a tensor's quantization", library.LiteRtGetQuantizationTypeId(tensor, kind))
        if (kind.value != PER_TENSOR) return null
        val values = Memory(QUANTIZATION_BYTES)
        check("a tensor's scale", library.LiteRtGetPerTensorQuantization(tensor, values))
        return Quantization(values.getFloat(0), values.getLong(ZERO_POINT_AT).toInt())
    }

    private companion object {
        /** LiteRtRankedTensorType: the element type, then the LiteRtLayout. */
        const val LAYOUT_AT = 4L

        /** LiteRtLayout: rank, 8 dimensions and 8 strides of 4 bytes each. */
        const val LAYOUT_BYTES = 68L

        /** LiteRtQuantizationPerTensor: a float32, then an int64. */
        const val QUANTIZATION_BYTES = 16L
        const val ZERO_POINT_AT = 8L
        const val PER_TENSOR = 1

        /** The rank is in the first 7 bits. */
        const val RANK_BITS = 0x7F

        /** LiteRtElementType, whose numbers are those of TfLiteType. */
        val TYPES = mapOf(
            1 to TensorType.FLOAT32,
            2 to TensorType.INT32,
            3 to TensorType.UINT8,
            4 to TensorType.INT64,
            6 to TensorType.BOOL,
            7 to TensorType.INT16,
            9 to TensorType.INT8,
        )

        fun typeOf(type: Pointer): TensorType =
            TYPES[type.getInt(0)] ?: throw ModelException("a tensor has the type ${type.getInt(0)}, which is not known")

        fun shapeOf(layout: Pointer): List<Int> =
            List(layout.getInt(0) and RANK_BITS) { layout.getInt(Int.SIZE_BYTES * (1L + it)) }
    }
}
