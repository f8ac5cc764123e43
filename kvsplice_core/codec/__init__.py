"""The compressor: transforms, projection, decoders, quantizers, cards, and their files."""
