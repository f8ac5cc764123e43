"""Whole codecs composed of axes, transform, PCA, decoder and quantizer, at a budget of bits."""
