"""What `edgeq layers` finds out, for people and programs: terminal, text, JSON, an HTML heat map."""
