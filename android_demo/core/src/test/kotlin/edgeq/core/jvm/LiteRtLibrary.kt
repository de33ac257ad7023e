package edgeq.core.jvm

import com.sun.jna.Library
import com.sun.jna.Native
import com.sun.jna.Pointer
import com.sun.jna.ptr.IntByReference
import com.sun.jna.ptr.LongByReference
import com.sun.jna.ptr.PointerByReference
import edgeq.core.model.ModelException
import java.io.File

/**
 * What is used of the C API of LiteRT's library (the headers in `litert/c`), which Python's package
 * `ai-edge-litert` brings.
 *
 * Its structs have no version: tried with 2.1.6, 2.2.0 and 2.3.0 on x86_64 Linux by `edgeq/layers/profile_litert.py`,
 * which has the layouts' sources. Every function gives 0 where it went well; sizes are `size_t`.
 */
@Suppress("FunctionName", "LongParameterList", "TooManyFunctions")
internal interface LiteRtLibrary : Library {
    fun LiteRtCreateEnvironment(options: Int, values: Pointer?, environment: PointerByReference): Int

    fun LiteRtDestroyEnvironment(environment: Pointer)

    fun LiteRtCreateModelFromBuffer(
        environment: Pointer,
        address: Pointer,
        size: Long,
        model: PointerByReference,
    ): Int

    fun LiteRtDestroyModel(model: Pointer)

    fun LiteRtCreateOptions(options: PointerByReference): Int

    fun LiteRtDestroyOptions(options: Pointer)

    fun LiteRtSetOptionsHardwareAccelerators(options: Pointer, accelerators: Int): Int

    fun LiteRtCreateOpaqueOptions(
        identifier: String,
        payload: Pointer,
        release: Pointer,
        options: PointerByReference,
    ): Int

    fun LiteRtAddOpaqueOptions(options: Pointer, added: Pointer): Int

    fun LiteRtCreateCompiledModel(
        environment: Pointer,
        model: Pointer,
        options: Pointer,
        compiled: PointerByReference,
    ): Int

    fun LiteRtDestroyCompiledModel(compiled: Pointer)

    fun LiteRtGetModelSignature(model: Pointer, index: Long, signature: PointerByReference): Int

    fun LiteRtGetNumSignatureInputs(signature: Pointer, count: LongByReference): Int

    fun LiteRtGetNumSignatureOutputs(signature: Pointer, count: LongByReference): Int

    fun LiteRtGetSignatureInputName(signature: Pointer, index: Long, name: PointerByReference): Int

    fun LiteRtGetSignatureOutputName(signature: Pointer, index: Long, name: PointerByReference): Int

    fun LiteRtGetSignatureInputTensorByIndex(signature: Pointer, index: Long, tensor: PointerByReference): Int

    fun LiteRtGetSignatureOutputTensorByIndex(signature: Pointer, index: Long, tensor: PointerByReference): Int

    fun LiteRtGetRankedTensorType(tensor: Pointer, type: Pointer): Int

    fun LiteRtGetQuantizationTypeId(tensor: Pointer, id: IntByReference): Int

    fun LiteRtGetPerTensorQuantization(tensor: Pointer, quantization: Pointer): Int

    fun LiteRtGetCompiledModelInputTensorLayout(compiled: Pointer, signature: Long, index: Long, layout: Pointer): Int

    fun LiteRtGetCompiledModelOutputTensorLayouts(
        compiled: Pointer,
        signature: Long,
        count: Long,
        layouts: Pointer,
        updates: Boolean,
    ): Int

    fun LiteRtGetCompiledModelInputBufferRequirements(
        compiled: Pointer,
        signature: Long,
        index: Long,
        requirements: PointerByReference,
    ): Int

    fun LiteRtGetCompiledModelOutputBufferRequirements(
        compiled: Pointer,
        signature: Long,
        index: Long,
        requirements: PointerByReference,
    ): Int

    fun LiteRtCreateManagedTensorBufferFromRequirements(
        environment: Pointer,
        type: Pointer,
        requirements: Pointer,
        buffer: PointerByReference,
    ): Int

    fun LiteRtDestroyTensorBuffer(buffer: Pointer)

    fun LiteRtLockTensorBuffer(buffer: Pointer, memory: PointerByReference, mode: Int): Int

    fun LiteRtUnlockTensorBuffer(buffer: Pointer): Int

    fun LiteRtRunCompiledModel(
        compiled: Pointer,
        signature: Long,
        inputCount: Long,
        inputs: Array<Pointer>,
        outputCount: Long,
        outputs: Array<Pointer>,
    ): Int

    companion object {
        /** Loads it. */
        fun load(path: File): LiteRtLibrary = Native.load(path.path, LiteRtLibrary::class.java)
    }
}

/** The pointer that a function writes. */
internal inline fun pointer(what: String, call: (PointerByReference) -> Int): Pointer {
    val reference = PointerByReference()
    check(what, call(reference))
    return reference.value ?: throw ModelException("LiteRT gives nothing for $what")
}

/** The size that a function writes. */
internal inline fun size(what: String, call: (LongByReference) -> Int): Int {
    val reference = LongByReference()
    check(what, call(reference))
    return Math.toIntExact(reference.value)
}

/** Refuses another status than 0. */
internal fun check(what: String, status: Int) {
    if (status != 0) throw ModelException("LiteRT refuses the file: $what gives status $status")
}
