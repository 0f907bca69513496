"""Personal data of contacts: given out, forgotten, and the files that go with them."""
