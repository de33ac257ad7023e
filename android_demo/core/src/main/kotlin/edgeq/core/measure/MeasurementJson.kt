package edgeq.core.measure

import edgeq.core.bundle.hexadecimal
import edgeq.core.parity.ParityResult
import java.security.MessageDigest

/** Format of the line: the key `schema` of `edgeq/benchmark/measurement.py`, which has the format's history. */
const val SCHEMA: Int = 3

/** The measurement as one line of JSON Lines without its newline, which `edgeq report` reads. */
fun Measurement.toJsonLine(): String = json(
    mapOf(
        "session" to session,
        "variant" to variantFacts(),
        "baseline" to baseline,
        "threads" to threads,
        "inputs" to inputs.associate { it.name to "${it.type.jsonName}${it.shape}" },
        "runtime" to runtimeFacts(),
        "environment" to environment.facts(),
        "latency" to latency?.facts(),
        "accuracy" to null,
        // The app holds all variants at once, and more than they: its memory says nothing about one of them.
        "peak_memory_bytes" to null,
        "provenance" to provenance,
        "parity" to parity?.facts(),
        "invalid" to invalid,
        "schema" to SCHEMA,
    ),
)

private fun Measurement.variantFacts() = mapOf(
    "model" to model,
    "name" to variant.name,
    "file" to variant.file,
    "scheme" to variant.scheme,
    "io" to variant.io,
    "sha256" to variant.sha256,
    "size_bytes" to variant.sizeBytes,
    "gzip_bytes" to variant.gzipBytes,
)

private fun Measurement.runtimeFacts() = mapOf(
    "name" to runtime.name,
    "version" to runtime.version,
    "kernel_path" to kernelPath(runtime, cpuFamily(environment.host.abi, environment.host.features)),
    "delegate" to runtime.delegate,
    // The runtime's interface for Java does not tell what its delegate took.
    "nodes_delegated" to null,
    "nodes" to null,
)

private fun Environment.facts(): Map<String, Any?> {
    val before = states.first().observation
    val fastest = before.cores.filter { it.frequencyMhz != null }.maxByOrNull { it.frequencyMhz ?: 0.0 }
    return mapOf(
        "device" to "${host.model}, ${host.chip}",
        "device_id" to deviceId(host),
        "started_at" to startedAt,
        "cpu" to host.cpu,
        "cores" to host.cores,
        "architecture" to host.abi,
        "governor" to fastest?.governor,
        "frequency_mhz" to fastest?.frequencyMhz,
        "load_1m" to before.load1m,
        "os" to host.android,
        "python" to "",
        "numpy" to "",
        "edgeq" to host.edgeqVersion,
        "warnings" to warnings,
        "features" to host.features,
        "memory_bytes" to host.memoryBytes,
        "cpus" to emptyList<Int>(),
        "power" to before.isPowered?.let { if (it) "mains" else "battery" },
        "emulator" to host.emulator,
        "reached_by" to "app:${host.installation}",
        "states" to states.map { it.facts() },
    )
}

private fun HostState.facts() = mapOf(
    "moment" to moment,
    "elapsed_s" to Math.round(elapsedSeconds * MS_PER_S) / MS_PER_S,
    "cores" to observation.cores.map {
        mapOf("core" to it.core, "governor" to it.governor, "frequency_mhz" to it.frequencyMhz)
    },
    "temperature_c" to observation.temperatureC,
    // Bits of a Raspberry Pi's firmware.
    "throttled" to null,
    "load_1m" to observation.load1m,
    "available_memory_bytes" to observation.availableMemoryBytes,
)

private fun Latency.facts() = mapOf(
    "load_ms" to loadMs,
    "first_ms" to firstMs,
    "median" to median.facts(),
    "p90_ms" to p90Ms,
    "p95_ms" to p95Ms,
    "min_ms" to minMs,
    "mean_ms" to meanMs,
    "chunks_ms" to chunksMs,
    "ratio" to ratio?.facts(),
    "verdict" to verdict?.text,
    "statistic" to "inference",
    "sustained" to emptyList<Any>(),
)

private fun Estimate.facts() = mapOf("value" to value, "low" to low, "high" to high, "n" to n)

private fun ParityResult.facts() = mapOf(
    "n" to n,
    "passed" to passed,
    "same_kernels" to sameKernels,
    "recorded_kernel_path" to recordedKernelPath,
    "differing" to differing,
    "largest_difference" to largestDifference,
    "sqnr_db" to sqnrDb,
    "least_sqnr_db" to leastSqnrDb,
    "agreement" to agreement,
    "least_agreement" to leastAgreement,
)

private const val MS_PER_S = 1e3
private const val DIGEST_LENGTH = 16

/**
 * Digest of what makes times comparable. From Android 12 on it is the same as of this phone when `edgeq` measures it over
 * adb; before, adb names the chip by `ro.board.platform`, which an app is not told: `android.os.Build` has `ro.hardware`.
 */
private fun deviceId(host: Host): String {
    val identity = "${host.model}|${host.chip}|${host.abi}|Android"
    val digest = MessageDigest.getInstance("SHA-256").digest(identity.toByteArray())
    return digest.hexadecimal().take(DIGEST_LENGTH)
}
