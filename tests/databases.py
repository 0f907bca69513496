"""Copies of a database, and how one is emptied between tests.

To copy the schema takes longer than most tests do. So the tests of a package, or of a file, share a copy, and what one
has written is deleted before the next. Only a test that changes what all see (the schema, the settings, how many rows
there are) takes one of its own: the fixture `desk`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from infra.local.postgres import clone_database, drop_database
from infra.local.settings import Settings
from tests.people import Connection

# What tests write beside what goes with an organization.
WRITTEN = """
delete from public.organizations;
delete from public.provider_mails;
delete from private.jobs;
delete from private.received_webhooks;
delete from auth.users;
"""
_copies = count(1)


@contextmanager
def copy_of(template: Settings) -> Iterator[Settings]:
    """A database like `template`, which nobody may be connected to, for as long as the block lasts."""
    settings = clone_database(template, f"{template.database}_{next(_copies)}")
    try:
        yield settings
    finally:
        drop_database(settings)


def empty(superuser: Connection) -> None:
    """As a copy of the schema is when it is new."""
    superuser.execute(WRITTEN)
