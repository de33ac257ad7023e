"""What each layer of a quantized model costs: accuracy, time and size. No TensorFlow."""
