"""A linter for models, their data, and .tflite files: one rule, one code, one page."""
