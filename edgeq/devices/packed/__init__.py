"""The packed bundle: how it is written, and the program inside of it."""
