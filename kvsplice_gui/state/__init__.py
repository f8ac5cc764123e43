"""What is wished and what is known."""
