"""From state to words and numbers, free of widgets."""
