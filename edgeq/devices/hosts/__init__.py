"""Hosts over SSH: the system's OpenSSH here, and modules named remote_*, which run on the host."""
