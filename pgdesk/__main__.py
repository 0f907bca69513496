"""`python -m pgdesk`."""

from pgdesk.cli import main

main()
