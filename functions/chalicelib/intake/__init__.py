"""Inbound mail: raw bytes in, a message on a ticket (or a visible reason why not) out."""
