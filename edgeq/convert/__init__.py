"""One graph to .tflite files: made, run, compared with the source and written as a bundle."""
