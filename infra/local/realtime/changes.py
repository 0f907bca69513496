"""Which subscriber is told of which row change, and in what words: the platform's apply_rls, done here.

- Only columns that the subscriber's role may select are shown.
- INSERT and UPDATE reach a subscriber whose policies let it see the row now.
- DELETE cannot be judged by policies: where the table has row-level security it carries the primary key only.
- A filter on a column that the change does not carry never matches.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from infra.local.realtime import catalog, filters, typed
from infra.local.realtime.catalog import Entity
from infra.local.realtime.filters import Filter
from infra.local.realtime.frames import dumps
from infra.local.realtime.pgoutput import Row, Unchanged, Value
from infra.local.realtime.subscriptions import Listener, Subscription
from infra.local.realtime.typed import Column, Typed
from infra.local.realtime.wal import Change

log = logging.getLogger(__name__)

Connection = AsyncConnection[tuple[Any, ...]]
Caller = tuple[str, str]
"""A role and its claims (JSON text)."""
Key = tuple[str, ...]

RECORD_LIMIT = 1024 * 1024  # bytes of one change; beyond, only short values are carried
SHORT = 64  # bytes
KEYS_AT_ONCE = 200  # rows asked about in one query

ASK = "select n, answer from realtime.ask_as_each(%s, %s, %s)"


@dataclass(frozen=True)
class Delivery:
    """`data` is the change as JSON text; `ids` are those of the listener's subscriptions that it matches."""

    listener: Listener
    ids: list[int]
    data: str


@dataclass
class Candidate:
    """A change with the subscriptions that may hear of it."""

    change: Change
    entity: Entity
    subscriptions: list[Subscription]

    @property
    def row(self) -> Row:
        return self.change.old if self.change.action == "DELETE" else self.change.new

    def key(self) -> Key | None:
        """The row's primary key in text; None where the table has none."""
        values = [self.row.get(name) for name in self.entity.key]
        return tuple(values) if values and all(isinstance(value, str) for value in values) else None  # type: ignore[arg-type]


async def judge(connection: Connection, changes: list[Change], subscriptions: Iterable[Subscription]) -> list[Delivery]:
    """Decide on changes in commit order. Raises psycopg.Error where the database could not be asked."""
    wanted = [(change, [each for each in subscriptions if each.wants(change)]) for change in changes]
    wanted = [(change, found) for change, found in wanted if found]
    if not wanted:
        return []
    roles = sorted({each.role for _, found in wanted for each in found})
    entities = await catalog.entities(connection, sorted({change.relation.oid for change, _ in wanted}), roles)
    candidates = [
        Candidate(change, entities[change.relation.oid], found)
        for change, found in wanted
        if change.relation.oid in entities  # a table dropped since can show nothing
    ]
    await _filter(connection, candidates)
    visible = await _visible(connection, [each for each in candidates if each.subscriptions])
    deliveries = []
    for candidate in candidates:
        deliveries += await _deliver(connection, candidate, visible)
    return deliveries


async def _filter(connection: Connection, candidates: list[Candidate]) -> None:
    """Keep the subscriptions whose filters the row passes."""
    undecided: list[tuple[Column, Filter, str | None]] = []
    answers: dict[tuple[Column, Filter, str | None], bool] = {}
    for candidate in candidates:
        row = candidate.row
        candidate.subscriptions = [each for each in candidate.subscriptions if filters.present(each.filters, row)]
        for rule in {rule for each in candidate.subscriptions for rule in each.filters}:
            question = _question(candidate, rule)
            if question is None or question in answers:
                continue
            decided = rule.decide(question[0].type_name, question[2])
            if decided is None:
                undecided.append(question)
            answers[question] = bool(decided)
    for start in range(0, len(undecided), 1000):
        answers.update(await _evaluate(connection, undecided[start : start + 1000]))
    for candidate in candidates:
        candidate.subscriptions = [
            each
            for each in candidate.subscriptions
            if all((q := _question(candidate, rule)) is not None and answers[q] for rule in each.filters)
        ]


def _question(candidate: Candidate, rule: Filter) -> tuple[Column, Filter, str | None] | None:
    column, value = candidate.entity.column(rule.column), candidate.row.get(rule.column, Unchanged.VALUE)
    return None if column is None or isinstance(value, Unchanged) else (column, rule, value)


async def _evaluate(
    connection: Connection, questions: list[tuple[Column, Filter, str | None]]
) -> dict[tuple[Column, Filter, str | None], bool]:
    """Ask the database whether values pass filters, all in one query; one by one where that fails."""
    parts, parameters = [], []
    for column, rule, value in questions:
        parts.append(sql.SQL(rule.expression("%s", "%s")))
        parameters.append(Typed(value, column.type_oid))
        if rule.operator != "is":
            parameters.append(Typed(rule.value, column.array_oid if rule.operator == "in" else column.type_oid))
    try:
        found = await connection.execute(sql.SQL("select {}").format(sql.SQL(", ").join(parts)), parameters)
        row = await found.fetchone()
        assert row is not None
        return {question: passed is True for question, passed in zip(questions, row, strict=True)}
    except (psycopg.errors.DataError, psycopg.errors.ProgrammingError, psycopg.errors.QueryCanceled) as error:
        if len(questions) == 1:
            log.info("a filter on %s cannot be applied: %s", questions[0][0].name, error)
            return {questions[0]: False}
    alone: dict[tuple[Column, Filter, str | None], bool] = {}
    for question in questions:
        alone.update(await _evaluate(connection, [question]))
    return alone


async def _visible(connection: Connection, candidates: list[Candidate]) -> set[tuple[int, Caller, Key]]:
    """Which caller sees which row: (table's oid, caller, key). A caller is asked once for up to 200 rows of a table."""
    keys: dict[int, dict[Key, None]] = {}
    callers: dict[int, dict[Caller, None]] = {}
    entities = {}
    for each in candidates:
        key = each.key()
        if each.change.action == "DELETE" or not each.entity.row_security or key is None:
            continue
        oid = each.entity.oid
        entities[oid] = each
        keys.setdefault(oid, {})[key] = None
        callers.setdefault(oid, {}).update(dict.fromkeys((one.role, one.claims) for one in each.subscriptions))
    visible: set[tuple[int, Caller, Key]] = set()
    for oid, example in entities.items():
        asked = list(keys[oid])
        for start in range(0, len(asked), KEYS_AT_ONCE):
            chunk = asked[start : start + KEYS_AT_ONCE]
            for caller, seen in (await _ask(connection, example, chunk, sorted(callers[oid]))).items():
                visible |= {(oid, caller, key) for key in seen}
    return visible


async def _ask(
    connection: Connection, example: Candidate, keys: list[Key], callers: list[Caller]
) -> dict[Caller, set[Key]]:
    """For each caller the rows it sees. One whose policies raise an error sees those rows that alone raise none."""
    roles, claims = [role for role, _ in callers], [claims for _, claims in callers]
    query = _query(example, keys).as_string(connection)
    try:
        answers = await (await connection.execute(ASK, [query, roles, claims], prepare=True)).fetchall()
    except psycopg.errors.QueryCanceled:  # the time-out: a policy that takes too long
        answers = [(n, None) for n in range(1, len(callers) + 1)]
    seen: dict[Caller, set[Key]] = {}
    for n, found in answers:
        caller = callers[n - 1]
        if found is not None:
            seen[caller] = {keys[position - 1] for position in found}
        elif len(callers) == 1 and len(keys) == 1:
            seen[caller] = set()
        elif len(callers) > 1:
            seen |= await _ask(connection, example, keys, [caller])
        else:
            halves = [keys[: len(keys) // 2], keys[len(keys) // 2 :]]
            parts = [await _ask(connection, example, half, [caller]) for half in halves]
            seen[caller] = set().union(*(part[caller] for part in parts))
    return seen


def _query(example: Candidate, keys: list[Key]) -> sql.Composed:
    """SQL for the positions, from 1, of those keys whose rows can be seen."""
    relation = example.change.relation
    names = [sql.Identifier(name) for name in example.entity.key]
    tests = [
        sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(name, sql.Literal(value)) for name, value in zip(names, key, strict=True)
        )
        for key in keys
    ]
    if len(names) == 1:  # in a form that an index serves, however many
        array = sql.Literal("{" + ",".join(_element(key[0]) for key in keys) + "}")
        condition = sql.SQL("{} = any ({})").format(names[0], array)
    else:
        condition = sql.SQL(" or ").join(sql.SQL("({})").format(test) for test in tests)
    cases = sql.SQL(" ").join(sql.SQL("when {} then {}").format(test, n) for n, test in enumerate(tests, 1))
    return sql.SQL("select coalesce(array_agg(case {} end), '{{}}') from {} where {}").format(
        cases, sql.Identifier(relation.schema, relation.table), condition
    )


def _element(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _deliver(
    connection: Connection, candidate: Candidate, visible: set[tuple[int, Caller, Key]]
) -> list[Delivery]:
    """Put the change into words once for each role and choice of columns, for those who may hear of it."""
    groups: dict[tuple[str, frozenset[str] | None], list[Subscription]] = {}
    for each in candidate.subscriptions:
        groups.setdefault((each.role, each.select), []).append(each)
    deliveries = []
    for (role, select), members in groups.items():
        refusal = _refusal(candidate, role)
        heard = members if refusal else [each for each in members if _may_hear(candidate, each, visible)]
        if not heard:
            continue
        if refusal:
            data = _head(candidate.change, [], [refusal]) | _empty(candidate.change)
        else:
            data = await _words(connection, candidate, role, select)
        text = "{" + ",".join(f"{dumps(name)}:{value}" for name, value in data.items()) + "}"
        listeners: dict[int, tuple[Listener, list[int]]] = {}
        for each in heard:
            ids = listeners.setdefault(id(each.listener), (each.listener, []))[1]
            if each.id not in ids:
                ids.append(each.id)
        deliveries += [Delivery(listener, ids, text) for listener, ids in listeners.values()]
    return deliveries


def _may_hear(candidate: Candidate, subscription: Subscription, visible: set[tuple[int, Caller, Key]]) -> bool:
    if candidate.change.action == "DELETE" or not candidate.entity.row_security:
        return True
    key = candidate.key()
    return key is not None and (candidate.entity.oid, (subscription.role, subscription.claims), key) in visible


def _refusal(candidate: Candidate, role: str) -> str | None:
    if candidate.change.action == "DELETE":
        return None
    if not candidate.entity.key:
        return "Error 400: Bad Request, no primary key"
    if not set(candidate.entity.key) <= candidate.entity.readable.get(role, frozenset()):
        return "Error 401: Unauthorized"
    return None


async def _words(
    connection: Connection, candidate: Candidate, role: str, select: frozenset[str] | None
) -> dict[str, str]:
    change, entity = candidate.change, candidate.entity
    readable = entity.readable.get(role, frozenset())
    shown = [
        column
        for column in entity.columns
        if column.name in readable and (select is None or column.name in select or column.in_key)
    ]
    too_large = _size(change) > RECORD_LIMIT
    data = _head(change, shown, ["Error 413: Payload Too Large"] if too_large else [])
    if change.action != "DELETE":
        new = {
            name: change.old.get(name, value) if value is Unchanged.VALUE else value
            for name, value in change.new.items()
        }
        data["record"] = await _record(connection, shown, new, too_large)
    if change.action != "INSERT":
        only_key = change.action == "DELETE" and entity.row_security
        of_old = [column for column in shown if column.in_key or not only_key]
        data["old_record"] = await _record(connection, of_old, change.old, too_large)
    return data


async def _record(connection: Connection, columns: list[Column], row: Row, too_large: bool) -> str:
    values: list[tuple[Column, Value]] = [
        (column, row[column.name])
        for column in columns
        if column.name in row and row[column.name] is not Unchanged.VALUE
    ]
    if too_large:
        values = [(column, value) for column, value in values if value is None or len(str(value).encode()) <= SHORT]
    texts = await typed.as_json(connection, values)
    return "{" + ",".join(f"{dumps(column.name)}:{text}" for (column, _), text in zip(values, texts, strict=True)) + "}"


def _head(change: Change, columns: list[Column], errors: list[str]) -> dict[str, str]:
    moment = change.committed_at
    return {
        "schema": dumps(change.relation.schema),
        "table": dumps(change.relation.table),
        "type": dumps(change.action),
        "commit_timestamp": f'"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"',
        "columns": dumps([{"name": column.name, "type": column.type_name} for column in columns]),
        "errors": dumps(errors or None),
    }


def _empty(change: Change) -> dict[str, str]:
    names = {"INSERT": ["record"], "UPDATE": ["record", "old_record"], "DELETE": ["old_record"]}[change.action]
    return dict.fromkeys(names, "{}")


def _size(change: Change) -> int:
    values = [*change.new.values(), *change.old.values()]
    return sum(len(value.encode()) for value in values if isinstance(value, str))
