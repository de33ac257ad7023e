package edgeq.core.bundle

/** Arrays that are read may take this much: four times what the file may have, for they compress. */
private const val MOST_BYTES = 512L shl 20

/**
 * Reads the content of `parity.npz`.
 *
 * @param content of the file.
 * @param variants whose outputs are read; others are left in the file.
 * @throws BundleException it is damaged.
 */
internal fun parseParity(content: ByteArray, variants: Set<String>): ParityData {
    val archive = ZipArchive(content, MOST_BYTES)
    val inputs = LinkedHashMap<String, NpyArray>()
    val reference = LinkedHashMap<String, NpyArray>()
    val stored = LinkedHashMap<String, LinkedHashMap<String, NpyArray>>()
    for (entry in archive.names) {
        val kind = entry.substringBefore("/", "")
        val rest = entry.substringAfter("/").removeSuffix(".npy")
        val variant = rest.substringBefore("/", "")
        when (kind) {
            "input" -> inputs[rest] = parseNpy(archive.read(entry), entry)
            "float" -> reference[rest] = parseNpy(archive.read(entry), entry)
            "variant" -> if (variant in variants) {
                val outputs = stored.getOrPut(variant, ::LinkedHashMap)
                outputs[rest.substringAfter("/")] = parseNpy(archive.read(entry), entry)
            }
        }
    }
    val all = inputs.values + reference.values + stored.values.flatMap { it.values }
    val n = all.firstOrNull()?.shape?.firstOrNull() ?: 0
    if (inputs.isEmpty() || reference.isEmpty() || n < 1 || all.any { it.shape.firstOrNull() != n }) {
        throw damaged(PARITY_NPZ, "expected inputs and outputs of one number, found other arrays")
    }
    return ParityData(n, inputs, reference, stored)
}
