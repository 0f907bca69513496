"""The query string: its grammar and what it means, without any knowledge of a database."""

from infra.local.rest.grammar.query import parse

__all__ = ["parse"]
