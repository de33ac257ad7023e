"""Measuring elsewhere: packed bundles, hosts over SSH, phones over adb."""
