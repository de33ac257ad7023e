package edgeq.core.measure

/**
 * The random numbers of NumPy's `default_rng`, so that the same samples and seed give the same interval as in `edgeq`.
 *
 * The generator is PCG XSL-RR 128/64 (O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
 * Algorithms for Random Number Generation", Harvey Mudd College HMC-CS-2014-0905), seeded by NumPy's `SeedSequence`
 * (after O'Neill's `seed_seq_fe`, 2015); bounded integers are Lemire's (ACM Transactions on Modeling and Computer
 * Simulation 29, 2019).
 *
 * @param seed not negative.
 */
internal class Pcg64(seed: Int) {
    private var high = 0L
    private var low = 0L
    private val incrementHigh: Long
    private val incrementLow: Long
    private var upperHalf = 0L
    private var hasUpperHalf = false

    init {
        val (stateHigh, stateLow, sequenceHigh, sequenceLow) = seededWords(seed)
        incrementHigh = (sequenceHigh shl 1) or (sequenceLow ushr 63)
        incrementLow = (sequenceLow shl 1) or 1
        step()
        add(stateHigh, stateLow)
        step()
    }

    /** A number from 0 to below [bound], each as likely. */
    fun below(bound: Int): Int {
        require(bound > 0) { "expected a bound above 0, found $bound" }
        if (bound == 1) return 0
        var product = next32() * bound
        if ((product and MASK_32) < bound) {
            val threshold = ((1L shl 32) - bound) % bound
            while ((product and MASK_32) < threshold) product = next32() * bound
        }
        return (product ushr 32).toInt()
    }

    /** 32 random bits: each 64 give two, the lower first. */
    private fun next32(): Long {
        if (hasUpperHalf) {
            hasUpperHalf = false
            return upperHalf
        }
        step()
        val bits = (high xor low).rotateRight((high ushr 58).toInt())
        upperHalf = bits ushr 32
        hasUpperHalf = true
        return bits and MASK_32
    }

    /** state = state × multiplier + increment, modulo 2^128. */
    private fun step() {
        high = high * MULTIPLIER_LOW + low * MULTIPLIER_HIGH + upperProduct(low, MULTIPLIER_LOW)
        low *= MULTIPLIER_LOW
        add(incrementHigh, incrementLow)
    }

    private fun add(otherHigh: Long, otherLow: Long) {
        low += otherLow
        val carry = if (low.toULong() < otherLow.toULong()) 1L else 0L
        high += otherHigh + carry
    }

    private companion object {
        const val MASK_32 = 0xFFFFFFFFL
        const val MULTIPLIER_HIGH = 2549297995355413924L
        const val MULTIPLIER_LOW = 4865540595714422341L
    }
}

/** The upper 64 bits of the product of two unsigned numbers; `Math.multiplyHigh` is missing before Android 12. */
private fun upperProduct(a: Long, b: Long): Long {
    val (aLow, aHigh) = (a and 0xFFFFFFFFL) to (a ushr 32)
    val (bLow, bHigh) = (b and 0xFFFFFFFFL) to (b ushr 32)
    val middle = aHigh * bLow + ((aLow * bLow) ushr 32)
    val other = aLow * bHigh + (middle and 0xFFFFFFFFL)
    return aHigh * bHigh + (middle ushr 32) + (other ushr 32)
}

private const val POOL = 4

/** Four words of 64 bits from a seed: what `SeedSequence(seed).generate_state(4, uint64)` gives. */
private fun seededWords(seed: Int): LongArray {
    require(seed >= 0) { "expected a seed of at least 0, found $seed" }
    val mixing = HashMix(0x43b0d7e5, 0x931e8875.toInt())
    val pool = IntArray(POOL) { mixing.hash(if (it == 0) seed else 0) }
    for (source in 0 until POOL) {
        for (target in 0 until POOL) {
            if (source != target) pool[target] = mixed(pool[target], mixing.hash(pool[source]))
        }
    }
    val drawing = HashMix(0x8b51f9dd.toInt(), 0x58f38ded)
    val halves = IntArray(2 * POOL) { drawing.hash(pool[it % POOL]) }
    return LongArray(POOL) { (halves[2 * it].toLong() and 0xFFFFFFFFL) or (halves[2 * it + 1].toLong() shl 32) }
}

/** A hash whose constant changes with every use. */
private class HashMix(private var constant: Int, private val multiplier: Int) {
    fun hash(value: Int): Int {
        val crossed = value xor constant
        constant *= multiplier
        return folded(crossed * constant)
    }
}

private fun mixed(x: Int, y: Int): Int = folded(0xca01f9dd.toInt() * x - 0x4973f715 * y)

private fun folded(value: Int): Int = value xor (value ushr 16)
