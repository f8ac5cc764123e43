"""Ways to store a latent in few bits, one per file."""
