package edgeq.demo

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import android.os.Process
import edgeq.core.measure.Host
import edgeq.core.measure.Observation
import edgeq.core.measure.SystemFiles
import edgeq.core.measure.phoneModel
import java.util.UUID

/** The phone, as the framework and the kernel describe it to an app without permissions. */
class PhoneHost(private val context: Context) {
    private val files = SystemFiles()

    /** What does not change, and a way to look at what does. */
    fun host(): Host {
        val cpu = files.cpu()
        return Host(
            model = phoneModel(Build.MANUFACTURER, Build.MODEL),
            chip = chip(),
            cpu = cpu.name ?: chip(),
            android = "Android ${Build.VERSION.RELEASE} (SDK ${Build.VERSION.SDK_INT})",
            abi = abi(),
            features = cpu.features,
            cores = Runtime.getRuntime().availableProcessors(),
            memoryBytes = memory().totalMem,
            emulator = emulator(),
            installation = installation(),
            edgeqVersion = context.packageManager.getPackageInfo(context.packageName, 0).versionName.orEmpty(),
            observe = ::observe,
        )
    }

    /** The phone, now. */
    fun observe(): Observation {
        val battery = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        return Observation(
            cores = files.cores(),
            load1m = files.load1m(),
            availableMemoryBytes = memory().availMem,
            thermalStatus = thermalStatus(context),
            batteryPercent = battery?.let(::percent),
            batteryTemperatureC = battery?.let(::temperatureC),
            isPowered = battery?.let { it.getIntExtra(BatteryManager.EXTRA_PLUGGED, 0) != 0 },
            savesPower = power(context)?.isPowerSaveMode,
        )
    }

    private fun chip(): String =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && Build.SOC_MODEL != Build.UNKNOWN) {
            "${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}"
        } else {
            Build.HARDWARE
        }

    private fun abi(): String {
        val known = if (Process.is64Bit()) Build.SUPPORTED_64_BIT_ABIS else Build.SUPPORTED_32_BIT_ABIS
        return known.firstOrNull() ?: Build.UNKNOWN
    }

    /** Google's emulator calls its boards goldfish and ranchu. */
    private fun emulator(): String? =
        if (Build.HARDWARE == "goldfish" || Build.HARDWARE == "ranchu") "Android emulator (${Build.HARDWARE})" else null

    private fun memory(): ActivityManager.MemoryInfo {
        val memory = ActivityManager.MemoryInfo()
        (context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager).getMemoryInfo(memory)
        return memory
    }

    /** Random, and kept: it says nothing of the phone or its owner. */
    private fun installation(): String {
        val preferences = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE)
        preferences.getString(INSTALLATION, null)?.let { return it }
        val made = UUID.randomUUID().toString().take(INSTALLATION_LENGTH)
        preferences.edit().putString(INSTALLATION, made).apply()
        return made
    }

    private fun percent(battery: Intent): Int? {
        val level = battery.getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
        val scale = battery.getIntExtra(BatteryManager.EXTRA_SCALE, -1)
        return if (level < 0 || scale <= 0) null else level * HUNDRED / scale
    }

    private fun temperatureC(battery: Intent): Double? {
        val tenths = battery.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, Int.MIN_VALUE)
        return if (tenths == Int.MIN_VALUE) null else tenths / TENTHS
    }

    private companion object {
        const val PREFERENCES = "edgeq"
        const val INSTALLATION = "installation"
        const val INSTALLATION_LENGTH = 8
        const val HUNDRED = 100
        const val TENTHS = 10.0
    }
}

/** 0 for none to 6 for shutdown; null before Android 10, which does not tell. */
fun thermalStatus(context: Context): Int? =
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) power(context)?.currentThermalStatus else null

private fun power(context: Context): PowerManager? = context.getSystemService(Context.POWER_SERVICE) as? PowerManager
