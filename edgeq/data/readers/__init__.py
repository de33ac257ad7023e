"""Data sets as they lie on disk: one module a form."""
