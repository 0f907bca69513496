"""Webhooks out: events told to the endpoints that an organization names."""
