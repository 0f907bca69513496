"""What a statement cost: the indexes it walked, the rows it touched, how often policy helpers ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.people import Actor, Connection, act_as

# Functions that policies call: each may run a few times in a statement, never once per row.
HELPERS = ("my_organizations", "my_contacts", "my_contact_organizations", "current_organization")


@dataclass(frozen=True)
class Cost:
    """Of one statement, functions inside it included."""

    rows: list[dict[str, Any]]
    indexes: frozenset[str]  # walked, at least once
    scanned: int  # rows read from tables of schemas public, private and partitions, by whatever way
    sequential: frozenset[str]  # tables read from end to end
    helper_calls: int
    nodes: list[dict[str, Any]] = field(default_factory=list)  # of the outermost statement's plan

    @property
    def sorts(self) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node["Node Type"] in {"Sort", "Incremental Sort"}]

    @property
    def init_plans(self) -> list[dict[str, Any]]:
        return [node for node in self.nodes if node.get("Parent Relationship") == "InitPlan"]


def cost(db: Connection, actor: Actor | None, statement: str, parameters: Sequence[Any] = ()) -> Cost:
    """Run `statement` as `actor` (None: as the superuser who is connected), undone afterwards, and tell its cost.

    It runs twice in one transaction: under EXPLAIN for the plan, then plainly for rows and counters. The counters are
    those of the server's own statistics, so what functions do inside counts too.
    """
    with db.transaction(force_rollback=True):
        if actor is not None:
            act_as(db, actor)
        row = db.execute(f"explain (analyze, timing off, format json) {statement}", parameters).fetchone()
        assert row
        nodes = list(_nodes(row["QUERY PLAN"][0]["Plan"]))
    with db.transaction(force_rollback=True):
        db.execute("select pg_stat_force_next_flush()")
        before, calls_before = _counters(db), _helper_calls(db)
        if actor is not None:
            act_as(db, actor)
        rows = db.execute(statement, parameters).fetchall()
        db.execute("reset role")
        calls = _helper_calls(db) - calls_before
        after = _counters(db)
    spent = Counter({name: after[name] - before[name] for name in after if after[name] > before[name]})
    return Cost(
        rows,
        frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        sum(count for (kind, _), count in spent.items() if kind == "rows"),
        frozenset(name for (kind, name), _ in spent.items() if kind == "seq"),
        calls,
        nodes,
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _counters(db: Connection) -> dict[tuple[str, str], int]:
    """Of this transaction so far, per table."""
    tables = db.execute(
        "select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as rows, seq_tup_read as seq"
        " from pg_stat_xact_user_tables where schemaname in ('public', 'private', 'partitions')"
    ).fetchall()
    return {(kind, table["relname"]): int(table[kind] or 0) for table in tables for kind in ("rows", "seq")}


def _helper_calls(db: Connection) -> int:
    """Calls of policy helpers in this transaction. Needs track_functions."""
    row = db.execute(
        "select coalesce(sum(calls), 0) as calls from pg_stat_xact_user_functions where funcname = any (%s)",
        [list(HELPERS)],
    ).fetchone()
    assert row
    return int(row["calls"])
