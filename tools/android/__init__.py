"""Builds and verifies the Android app without Gradle and without the Android SDK."""
