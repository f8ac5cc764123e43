"""Ways back from a latent, one per file."""
