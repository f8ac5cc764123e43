"""Work on the thread behind the window."""
