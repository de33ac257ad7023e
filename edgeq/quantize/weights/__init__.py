"""How weights and biases are rounded so that a layer's outputs suffer least: one module a method."""
