"""Where a model comes from: Keras, SavedModel, a float .tflite or a converter script → one graph with named inputs."""
