"""Language models and the texts they read; all but ``bundled`` needs transformers."""
