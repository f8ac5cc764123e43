"""Quantizers of the latent: each turns k numbers into a fixed number of bytes, and back."""
