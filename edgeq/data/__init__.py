"""Data sets as they lie on disk: reading, preprocessing, labels and splitting, without TensorFlow."""
