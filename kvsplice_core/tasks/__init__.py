"""What may be asked for and what is found: frozen values, free of torch."""
