"""The frontier in the window: what is wished and known of it, the work, and what is shown."""
