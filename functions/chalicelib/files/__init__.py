"""Files: what they are, whether they are safe, and small pictures of them."""
