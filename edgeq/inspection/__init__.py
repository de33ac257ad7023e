"""What a .tflite file is made of, as a person asks: layers, precision, memory, what can run it. No TensorFlow."""
