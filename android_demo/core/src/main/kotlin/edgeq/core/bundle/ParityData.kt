package edgeq.core.bundle

/**
 * A few inputs and what was computed from them, as `parity.npz` has them; the first axis of every array is [n].
 *
 * @property n number of inputs.
 * @property inputs real-valued, by name, with the batch axis after the first: `[n, 1, 224, 224, 3]`.
 * @property reference outputs of the source model by name.
 * @property stored outputs by variant, then by name, as the file stores them: integers where quantized.
 */
class ParityData(
    val n: Int,
    val inputs: Map<String, NpyArray>,
    val reference: Map<String, NpyArray>,
    val stored: Map<String, Map<String, NpyArray>>,
)
