"""How the range of an activation is chosen from what was seen of it: one module a method."""
