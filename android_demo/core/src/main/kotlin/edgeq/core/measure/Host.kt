package edgeq.core.measure

/**
 * The phone that measures: what of it does not change, and a way to look at what does.
 *
 * The app fills it from `android.os.Build`, `PowerManager` and `BatteryManager`; [CpuInfo] and [SystemFiles] read what
 * the kernel lets an app read.
 *
 * @property model as its owner knows it, such as `Google Pixel 7`; [phoneModel] makes it.
 * @property chip such as `Google Tensor G2`; the platform's name where older Androids know no other.
 * @property cpu its cores by name, such as `4x Cortex-A55 + 2x Cortex-A78 + 2x Cortex-X1`, else the chip.
 * @property android such as `Android 14 (SDK 34)`.
 * @property abi that the app runs as, such as `arm64-v8a`.
 * @property features of the CPU that kernels choose by, as `/proc/cpuinfo` calls them.
 * @property cores that the app may use.
 * @property memoryBytes of the phone; null where not told.
 * @property emulator what emulates it: its times mean nothing. Null for a real phone.
 * @property installation tells two phones of one model apart: some random characters that the app keeps.
 * @property edgeqVersion version of edgeq that made the app.
 * @property observe looks at the phone, now; called off the main thread, before, every few seconds between rounds, and after.
 */
data class Host(
    val model: String,
    val chip: String,
    val cpu: String,
    val android: String,
    val abi: String,
    val features: List<String>,
    val cores: Int,
    val memoryBytes: Long?,
    val emulator: String?,
    val installation: String,
    val edgeqVersion: String,
    val observe: () -> Observation,
)

/** One core at one moment; null where the kernel does not tell an app. */
data class CoreState(val core: Int, val governor: String?, val frequencyMhz: Double?)

/**
 * A phone at one moment; null stands for what is not told.
 *
 * @property cores each core that is on; empty where not told.
 * @property temperatureC of the CPU.
 * @property load1m load average of the last minute.
 * @property availableMemoryBytes that programs can still take.
 * @property thermalStatus `PowerManager.getCurrentThermalStatus`, 0 for none to 6 for shutdown; null before Android 10.
 * @property batteryPercent its charge.
 * @property batteryTemperatureC its temperature.
 * @property isPowered whether mains, USB or a wireless charger powers it.
 * @property savesPower whether the battery saver is on.
 */
data class Observation(
    val cores: List<CoreState> = emptyList(),
    val temperatureC: Double? = null,
    val load1m: Double? = null,
    val availableMemoryBytes: Long? = null,
    val thermalStatus: Int? = null,
    val batteryPercent: Int? = null,
    val batteryTemperatureC: Double? = null,
    val isPowered: Boolean? = null,
    val savesPower: Boolean? = null,
)

/** `Google` and `Pixel 7` as one name; makers that are in the name already are not repeated. */
fun phoneModel(maker: String, name: String): String = when {
    name.isEmpty() -> maker
    name.lowercase().startsWith(maker.lowercase()) -> name
    else -> "$maker $name".trim()
}
