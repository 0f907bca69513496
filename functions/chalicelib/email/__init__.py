"""Mail out: rendered once, stored first, then sent through the provider."""
