"""Mail that leaves the stack: Resend's API in front of a mailbox on disk that people and tests can read."""
