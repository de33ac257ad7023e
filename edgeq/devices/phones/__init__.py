"""Phones: adb, and Android's benchmark_model."""
