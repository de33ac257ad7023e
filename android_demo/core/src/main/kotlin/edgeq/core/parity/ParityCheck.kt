package edgeq.core.parity

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.ModelRunner
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.encode
import edgeq.core.tensor.newBuffer

/**
 * Runs the recorded inputs and compares what comes out with what was recorded, by the rule of [compareParity].
 *
 * Tensors of a runner that gives them other names than the bundle, as where a runtime does not read signatures, are
 * taken in their order.
 *
 * @param bundle that recorded the inputs.
 * @param recorded its inputs and outputs.
 * @param variant that the runner runs.
 * @param runner of the variant's file.
 * @param kernelPath that computes, as the bundle writes such paths.
 * @param isCancelled asked before every input.
 * @return the comparison; null where the bundle recorded nothing that can be compared, or where it was cancelled.
 * @throws edgeq.core.model.ModelException the runtime fails.
 * @throws edgeq.core.tensor.DataException the recorded inputs do not fit the file, or the float model's outputs are
 * no numbers.
 */
fun checkParity(
    bundle: Bundle,
    recorded: ParityData,
    variant: Variant,
    runner: ModelRunner,
    kernelPath: String,
    isCancelled: () -> Boolean,
): ParityResult? {
    val made = bundle.variants.firstOrNull { it.name == variant.name } ?: return null
    val inputNames = namesOf(runner.inputs, made.inputs) ?: return null
    val outputNames = namesOf(runner.outputs, made.outputs) ?: return null
    val before = recorded.stored[made.name] ?: return null
    val infos = runner.outputs.zip(outputNames) { info, name -> info.copy(name = name) }
    if (!recorded.inputs.keys.containsAll(inputNames) || !isShapedLike(infos, before)) return null
    val inputs = runner.inputs.associate { it.name to it.newBuffer() }
    val outputs = runner.outputs.associate { it.name to it.newBuffer() }
    val rows = StoredRows(infos, recorded.n)
    for (item in 0 until recorded.n) {
        if (isCancelled()) return null
        runner.inputs.zip(inputNames) { info, name ->
            info.encode(recorded.inputs.getValue(name), item, inputs.getValue(info.name))
        }
        runner.run(inputs, outputs)
        rows.add(runner.outputs.map { outputs.getValue(it.name) })
    }
    return compareParity(bundle, recorded, made, infos, rows.arrays(), kernelPath)
}

/** The bundle's names of a runner's tensors, in the runner's order; null where they are other tensors. */
internal fun namesOf(found: List<TensorInfo>, made: List<TensorInfo>): List<String>? {
    val names = made.map(TensorInfo::name)
    val own = found.map(TensorInfo::name)
    return when {
        own.toSet() == names.toSet() && own.size == names.size -> own
        found.map { it.type to it.shape } == made.map { it.type to it.shape } -> names
        else -> null
    }
}

/** Whether what a file gives has the shapes and types that were recorded. */
internal fun isShapedLike(infos: List<TensorInfo>, recorded: Map<String, NpyArray>): Boolean =
    infos.size == recorded.size && infos.all { info ->
        val array = recorded[info.name]
        array != null && array.type == NpyType.of(info.type) && array.shape.drop(1) == info.shape
    }
