"""What comes at its time and is SQL alone."""
