"""What builds, checks and tries parts of edgeq that are not Python packages of its own."""
