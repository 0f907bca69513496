"""The PostgREST protocol: an HTTP API made of a database's schema, under its row-level security."""

from infra.local.rest.service import RestService

__all__ = ["RestService"]
