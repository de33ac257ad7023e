"""Latency, accuracy, memory and size of variants on the real runtime, their statistics and gates."""
