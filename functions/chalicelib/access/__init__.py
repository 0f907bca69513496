"""API keys of programs, and the short tokens they are exchanged for."""
