"""Writes the vectors that the Android app's Kotlin is compared with: what edgeq computes of the same values."""
