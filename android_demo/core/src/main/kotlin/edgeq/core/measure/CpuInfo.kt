package edgeq.core.measure

/**
 * What `/proc/cpuinfo` tells of a CPU, read as `edgeq` reads it on other machines.
 *
 * @param text content of the file; empty where it cannot be read.
 */
class CpuInfo(text: String) {
    private val fields = text.lineSequence().take(MOST_LINES).map { line ->
        val (key, value) = line.substringBefore(':') to line.substringAfter(':', "")
        Pair(key.trim().lowercase(), value.trim().split(WHITESPACE).joinToString(" "))
    }.toList()

    /** The CPU as a person knows it, such as `4x Cortex-A55 + 4x Cortex-A76`; null where it is not told. */
    val name: String? = armCores() ?: first("model name")

    /** What kernels choose by, such as `asimddp`, in the order of `edgeq`. */
    val features: List<String>

    init {
        val told = (first("flags") ?: first("features")).orEmpty().split(' ').toSet()
        features = FEATURES.filter { it in told }
    }

    private fun first(key: String): String? = fields.firstOrNull { it.first == key }?.second?.ifEmpty { null }

    /** ARM's cores by name, with their numbers where there are several kinds; null on other CPUs. */
    private fun armCores(): String? {
        val names = mutableListOf<String>()
        var implementer = ""
        for ((key, value) in fields) {
            if (key == "cpu implementer") implementer = value
            if (key == "cpu part") names += armCore(implementer, value) ?: unknown(implementer, value)
        }
        val kinds = names.groupingBy { it }.eachCount()
        if (kinds.keys.all { it.startsWith(UNKNOWN) }) return null
        if (kinds.size == 1) return names.first()
        val most = kinds.entries.sortedByDescending { it.value }.take(MOST_KINDS)
        return most.joinToString(" + ") { "${it.value}x ${it.key}" }
    }

    private fun unknown(implementer: String, part: String) = "$UNKNOWN $implementer/$part".take(LONGEST_UNKNOWN)

    private companion object {
        val WHITESPACE = Regex("\\s+")
        const val UNKNOWN = "unknown ARM core"
        const val LONGEST_UNKNOWN = 40

        /** Phones have three kinds of cores. */
        const val MOST_KINDS = 4

        /** A phone's file has some 100 lines. */
        const val MOST_LINES = 100_000

        /** As `/proc/cpuinfo` calls what XNNPACK chooses its kernels by, on x86 and on ARM. */
        val FEATURES = (
            "sse4_1 avx f16c fma avx2 avx_vnni avx_vnni_int8 avx512f avx512bw avx512_vnni avx512vbmi gfni " +
                "avx512_fp16 avx512_bf16 amx_tile amx_int8 amx_bf16 neon vfpv4 asimd fphp asimdhp asimddp i8mm bf16 " +
                "asimdbf16 sve sve2 svei8mm sme sme2"
            ).split(' ')
    }
}
