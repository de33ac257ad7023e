"""Running a .tflite file: LiteRT or tflite-runtime behind one adapter, in worker processes."""
