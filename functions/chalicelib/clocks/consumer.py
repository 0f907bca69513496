"""The consumer `clock`: what is SQL alone and has its time, such as an SLA warning."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from chalicelib.kit.database import Connection, queries
from chalicelib.kit.jobs import Effects, Job

SQL = queries(__file__)


def handle(job: Job) -> Effects:
    """The payload names the function of the database that does the work (sql/17_clocks.sql)."""

    def effects(connection: Connection) -> None:
        connection.execute(SQL["ring"], {"payload": Jsonb(dict(job.payload))})

    return effects
