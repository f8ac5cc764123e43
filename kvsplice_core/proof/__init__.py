"""What a compressed cache costs a real model, audited."""
