"""Results in tables, words, commands and figures."""
