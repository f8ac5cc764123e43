"""Language models and the texts they read; everything here needs transformers."""
