"""Lambda and what invokes it, on one machine, for the functions of any Chalice app."""
