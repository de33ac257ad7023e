package edgeq.demo.support

import android.os.Looper
import java.time.Duration
import java.util.concurrent.TimeUnit
import org.robolectric.Shadows.shadowOf

/** Far more than anything here takes: reached only by a screen that hangs. */
private const val GIVE_UP_SECONDS = 60L

private const val STEP_MILLIS = 5L

/**
 * Lets the main thread work until [condition] holds, as the looper of a phone would.
 *
 * @param what is waited for, for the message of a screen that never gets there.
 */
fun waitUntil(what: String, condition: () -> Boolean) {
    val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(GIVE_UP_SECONDS)
    while (!condition()) {
        check(System.nanoTime() < end) { "waited in vain: $what" }
        letMainThreadWork()
        Thread.sleep(STEP_MILLIS)
    }
    letMainThreadWork()
}

/** Runs what the main thread has to do now; its clock moves on, for animations and delayed work. */
fun letMainThreadWork(): Unit = shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(STEP_MILLIS))

/** Moves the main thread's clock on until what a tap started to move has arrived. */
fun letAnimationsEnd(): Unit = shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(1))
