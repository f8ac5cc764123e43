"""What compression costs a language model, measured through its cache and audited."""
