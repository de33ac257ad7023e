"""The small model, its bundle and its data that ship with edgeq."""
