package edgeq.core.measure

import edgeq.core.bundle.Bundle
import edgeq.core.parity.ParityResult

/** What all measurements of a session have in common. */
internal class SessionFacts(
    private val bundle: Bundle,
    private val host: Host,
    private val baseline: String?,
    private val session: String,
    private val startedAt: String,
) {
    /** What came of one thread count. */
    fun measurements(
        timing: Timing,
        states: List<HostState>,
        watch: PhoneWatch,
        parities: Map<String, ParityResult>,
    ): List<Measurement> {
        val environment = Environment(host, startedAt, states, warnings(host, states))
        val invalid = watch.throttling(states)
        return timing.chunksMs.map { (name, chunks) ->
            val loaded = timing.loaded(name)
            val against = if (name == baseline) null else timing.chunksMs[baseline]
            Measurement(
                session = session,
                model = bundle.name,
                variant = loaded.variant,
                baseline = baseline,
                threads = timing.threads,
                inputs = loaded.runner.inputs,
                runtime = loaded.runner.runtime,
                environment = environment,
                latency = latencyOf(loaded.runner.loadNanos / NANOS_PER_MS, loaded.firstMs, chunks, against),
                provenance = bundle.provenance,
                parity = parities[name],
                invalid = invalid,
            )
        }
    }
}
