"""The command line: sets a desk up, starts it, shows it."""
