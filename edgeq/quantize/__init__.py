"""Post-training quantization beyond the stock converter: ranges, weights, rewrites of the graph, layer precision.

Everything works on a float32 ``.tflite`` and its calibration items, without TensorFlow. Each method is a module of its
own and can be used alone; `edgeq.quantize.building` puts them together as a `Recipe` says.
"""
