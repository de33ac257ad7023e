package edgeq.core.measure

private val SAVING_GOVERNORS = listOf("powersave", "conservative")

/** From here on Android switches its battery saver on, or offers it (`config_lowBatteryWarningLevel`). */
private const val LOW_PERCENT = 15

/** Where a phone begins to limit its clocks differs by maker; the battery is this warm a little earlier. */
private const val WARM_BATTERY_C = 40.0

/**
 * What makes times less trustworthy, one sentence each with what helps against it; as of phones that `edgeq` measures
 * over adb.
 *
 * @param host the phone.
 * @param states of it, from before to after the measuring.
 */
internal fun warnings(host: Host, states: List<HostState>): List<String> {
    val before = states.first().observation
    return listOfNotNull(
        host.emulator?.let { "the phone is emulated ($it), so that times mean nothing: measure on a phone" },
    ) + governorWarnings(before) + batteryWarnings(before) + heatWarnings(states)
}

private fun governorWarnings(before: Observation): List<String> = SAVING_GOVERNORS.mapNotNull { governor ->
    val saving = before.cores.filter { it.governor == governor }.map { it.core }
    if (saving.isEmpty()) return@mapNotNull null
    "the CPU governor of cores ${saving.joinToString(",")} is '$governor', which slows short runs"
}

private fun batteryWarnings(before: Observation): List<String> {
    val percent = before.batteryPercent
    val degrees = before.batteryTemperatureC
    return listOfNotNull(
        "the battery saver is on, which slows the CPU: switch it off".takeIf { before.savesPower == true },
        "the phone runs on battery, which may slow its CPU: plug it in".takeIf { before.isPowered == false },
        percent?.takeIf { it <= LOW_PERCENT }
            ?.let { "the battery is at $it %, where phones save power: charge it first" },
        degrees?.takeIf { it >= WARM_BATTERY_C }
            ?.let { "the battery has ${Math.round(it)} C, where phones slow down: let it cool, out of its case" },
    )
}

private fun heatWarnings(states: List<HostState>): List<String> {
    val before = states.first().observation.thermalStatus ?: return emptyList()
    val highest = states.mapNotNull { it.observation.thermalStatus }.max()
    return listOfNotNull(
        "the phone was throttling for heat at the start (thermal status $before): let it cool".takeIf { before > 0 },
        "the thermal status rose from $before to $highest meanwhile: let the phone cool and measure again"
            .takeIf { highest > before },
    )
}
