package edgeq.core.measure

/**
 * The name of one of ARM's cores, of which `/proc/cpuinfo` tells numbers only; null where it is not known.
 *
 * @param implementer as `/proc/cpuinfo` has it, such as `0x41`.
 * @param part as `/proc/cpuinfo` has it, such as `0xd08`.
 */
internal fun armCore(implementer: String, part: String): String? = when (hexadecimal(implementer)) {
    ARM -> ARM_CORES[hexadecimal(part)]
    QUALCOMM -> QUALCOMM_CORES[hexadecimal(part)]
    else -> null
}

private fun hexadecimal(text: String): Int? =
    text.takeIf { it.startsWith("0x") && it.length <= LONGEST }?.substring(2)?.toIntOrNull(radix = 16)

private const val LONGEST = 6
private const val ARM = 0x41
private const val QUALCOMM = 0x51

/** As in `edgeq/runtime/arm_cores.py`: the register MIDR_EL1, arch/arm64/include/asm/cputype.h of Linux 6.12. */
private val ARM_CORES = mapOf(
    0xb76 to "ARM1176",
    0xc05 to "Cortex-A5",
    0xc07 to "Cortex-A7",
    0xc08 to "Cortex-A8",
    0xc09 to "Cortex-A9",
    0xc0d to "Cortex-A12",
    0xc0e to "Cortex-A17",
    0xc0f to "Cortex-A15",
    0xd01 to "Cortex-A32",
    0xd03 to "Cortex-A53",
    0xd04 to "Cortex-A35",
    0xd05 to "Cortex-A55",
    0xd07 to "Cortex-A57",
    0xd08 to "Cortex-A72",
    0xd09 to "Cortex-A73",
    0xd0a to "Cortex-A75",
    0xd0b to "Cortex-A76",
    0xd0c to "Neoverse-N1",
    0xd0d to "Cortex-A77",
    0xd0e to "Cortex-A76AE",
    0xd40 to "Neoverse-V1",
    0xd41 to "Cortex-A78",
    0xd42 to "Cortex-A78AE",
    0xd44 to "Cortex-X1",
    0xd46 to "Cortex-A510",
    0xd47 to "Cortex-A710",
    0xd48 to "Cortex-X2",
    0xd49 to "Neoverse-N2",
    0xd4b to "Cortex-A78C",
    0xd4c to "Cortex-X1C",
    0xd4d to "Cortex-A715",
    0xd4e to "Cortex-X3",
    0xd4f to "Neoverse-V2",
    0xd80 to "Cortex-A520",
    0xd81 to "Cortex-A720",
    0xd82 to "Cortex-X4",
    0xd84 to "Neoverse-V3",
    0xd85 to "Cortex-X925",
    0xd87 to "Cortex-A725",
)

private val QUALCOMM_CORES = mapOf(
    0x800 to "Kryo 2xx Gold",
    0x801 to "Kryo 2xx Silver",
    0x802 to "Kryo 3xx Gold",
    0x803 to "Kryo 3xx Silver",
    0x804 to "Kryo 4xx Gold",
    0x805 to "Kryo 4xx Silver",
)
