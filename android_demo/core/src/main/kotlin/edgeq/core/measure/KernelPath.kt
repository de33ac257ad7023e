package edgeq.core.measure

import edgeq.core.model.RuntimeInfo

/** The string within which integer outputs are bit-exact, as `edgeq` writes it on other machines. */
fun kernelPath(runtime: RuntimeInfo, cpuFamily: String): String =
    "${runtime.name} ${runtime.version}, ${runtime.delegate}, $cpuFamily"

/**
 * Architecture and the widest integer feature that kernels choose by, such as `aarch64+asimddp`.
 *
 * @param abi that the app runs as, such as `arm64-v8a`.
 * @param features of the CPU, as `/proc/cpuinfo` calls them.
 */
fun cpuFamily(abi: String, features: Collection<String>): String {
    val architecture = ARCHITECTURES[abi] ?: abi
    val widest = WIDEST_FIRST.firstOrNull { it in features }
    return if (widest == null) architecture else "$architecture+$widest"
}

/** Python's names (`platform.machine()`) of Android's ABIs. */
private val ARCHITECTURES =
    mapOf("arm64-v8a" to "aarch64", "armeabi-v7a" to "armv7l", "x86_64" to "x86_64", "x86" to "i686")

/** In the order of `edgeq.runtime.host`: another order would make equal kernels look different. */
private val WIDEST_FIRST =
    listOf("avx512_vnni", "avx_vnni", "avx512f", "avx2", "avx", "sse4_1", "i8mm", "asimddp", "asimdhp", "asimd", "neon")
