"""What is inside a ``.tflite``: tensors, operators, precision, signatures; needs no TensorFlow."""
