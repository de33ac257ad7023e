"""Rewrites of the float graph that make it easier to quantize and leave its outputs as they are."""
