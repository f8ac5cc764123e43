"""What the window does, an activity each."""
