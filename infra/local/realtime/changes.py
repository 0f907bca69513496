"""Which subscriber is told of which row change, and in what words: the platform's apply_rls, done here.

- Only columns that the subscriber's role may select are shown.
- INSERT and UPDATE reach a subscriber whose policies let it see the row now.
- DELETE cannot be judged by policies: where the table has row-level security it carries the primary key only.
- A filter on a column that the change does not carry never matches.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from infra.local.realtime import catalog, typed, visibility
from infra.local.realtime.catalog import Entity
from infra.local.realtime.filters import Filter
from infra.local.realtime.frames import dumps
from infra.local.realtime.pgoutput import Row, Unchanged, Value
from infra.local.realtime.register import Group
from infra.local.realtime.subscriptions import Listener, Subscription
from infra.local.realtime.typed import Column, Typed
from infra.local.realtime.visibility import Connection, Key
from infra.local.realtime.wal import Change

log = logging.getLogger(__name__)

RECORD_LIMIT = 1024 * 1024  # bytes of one change; beyond, only short values are carried
SHORT = 64  # bytes

Question = tuple[Column, Filter, str | None]
"""Whether a column's value passes a filter."""


@dataclass(frozen=True)
class Delivery:
    """`data` is the change as JSON text; `ids` are those of the listener's subscriptions that it matches."""

    listener: Listener
    action: str
    ids: list[int]
    data: str


@dataclass
class Candidate:
    """A change with the groups of subscriptions that may hear of it. `visible`: to which claims, by role."""

    change: Change
    entity: Entity
    groups: list[Group]
    visible: dict[str, set[str]] = field(default_factory=dict)

    @property
    def row(self) -> Row:
        return self.change.old if self.change.action == "DELETE" else self.change.new

    @property
    def judged_by_policies(self) -> bool:
        return self.entity.row_security and self.change.action != "DELETE"

    def key(self) -> Key | None:
        """The row's primary key in text; None where the table has none."""
        values = [self.row.get(name) for name in self.entity.key]
        return tuple(values) if values and all(isinstance(value, str) for value in values) else None  # type: ignore[arg-type]


async def judge(connection: Connection, changes: list[Change], groups: Iterable[Group]) -> list[Delivery]:
    """Decide on changes in commit order. Raises psycopg.Error where the database could not be asked."""
    groups = list(groups)
    wanted = [(change, [each for each in groups if each.interest.wants(change)]) for change in changes]
    wanted = [(change, found) for change, found in wanted if found]
    if not wanted:
        return []
    roles = sorted({each.interest.role for _, found in wanted for each in found})
    entities = await catalog.entities(connection, sorted({change.relation.oid for change, _ in wanted}), roles)
    candidates = [
        Candidate(change, entities[change.relation.oid], found)
        for change, found in wanted
        if change.relation.oid in entities  # a table dropped since can show nothing
    ]
    await visibility.until_visible(connection, {change.xid for change, _ in wanted})
    await _filter(connection, candidates)
    await _look(connection, [each for each in candidates if each.groups and each.judged_by_policies])
    deliveries = []
    for candidate in candidates:
        deliveries += await _deliver(connection, candidate)
    return deliveries


async def _filter(connection: Connection, candidates: list[Candidate]) -> None:
    """Keep the groups whose filters the row passes. What cannot be told here the database is asked, all at once."""
    passing = [_passing(candidate) for candidate in candidates]
    undecided = list(dict.fromkeys(question for found in passing for _, open_ in found for question in open_))
    answers: dict[Question, bool] = {}
    for start in range(0, len(undecided), 1000):
        answers.update(await _evaluate(connection, undecided[start : start + 1000]))
    for candidate, found in zip(candidates, passing, strict=True):
        candidate.groups = [group for group, open_ in found if all(answers[question] for question in open_)]


def _passing(candidate: Candidate) -> list[tuple[Group, list[Question]]]:
    """The groups that no filter rules out, each with what is still to be asked."""
    row, entity = candidate.row, candidate.entity
    shown = {
        column.name: (column, value)
        for column in entity.columns
        if not isinstance(value := row.get(column.name, Unchanged.VALUE), Unchanged)
    }
    found = []
    for group in candidate.groups:
        open_: list[Question] = []
        for rule in group.interest.filters:
            if (known := shown.get(rule.column)) is None:
                break  # a filter that cannot be checked does not pass
            column, value = known
            decided = rule.decide(column.type_name, value)
            if decided is None:
                open_.append((column, rule, value))
            elif not decided:
                break
        else:
            found.append((group, open_))
    return found


async def _evaluate(connection: Connection, questions: list[Question]) -> dict[Question, bool]:
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
    alone: dict[Question, bool] = {}
    for question in questions:
        alone.update(await _evaluate(connection, [question]))
    return alone


async def _look(connection: Connection, candidates: list[Candidate]) -> None:
    """Find out which claims are shown which rows; a caller is asked once for all rows of a table."""
    keys: dict[tuple[int, str], dict[Key, None]] = {}
    claims: dict[tuple[int, str], set[str]] = {}
    relations = {each.entity.oid: each for each in candidates}
    for each in candidates:
        key = each.key()
        for group in each.groups if key is not None else ():
            asked = each.entity.oid, group.interest.role
            keys.setdefault(asked, {})[key] = None  # type: ignore[index]
            claims.setdefault(asked, set()).update(group.callers)
    seen = {
        (oid, role): await visibility.who_sees(
            connection, relations[oid].change.relation, relations[oid].entity, role, claims[oid, role], list(rows)
        )
        for (oid, role), rows in keys.items()
    }
    for each in candidates:
        if (key := each.key()) is not None:
            each.visible = {role: rows.get(key, set()) for (oid, role), rows in seen.items() if oid == each.entity.oid}


async def _deliver(connection: Connection, candidate: Candidate) -> list[Delivery]:
    """Put the change into words once for each role and choice of columns, for those who may hear of it."""
    alike: dict[tuple[str, frozenset[str] | None], list[Group]] = {}
    for group in candidate.groups:
        alike.setdefault((group.interest.role, group.interest.select), []).append(group)
    deliveries = []
    for (role, select), groups in alike.items():
        refusal = _refusal(candidate, role)
        listeners: dict[Listener, list[int]] = {}
        for each in (one for group in groups for one in _heard(candidate, group, refusal is not None)):
            ids = listeners.setdefault(each.listener, [])
            if each.id not in ids:
                ids.append(each.id)
        if not listeners:
            continue
        if refusal:
            data = _head(candidate.change, [], [refusal]) | _empty(candidate.change)
        else:
            data = await _words(connection, candidate, role, select)
        text = "{" + ",".join(f"{dumps(name)}:{value}" for name, value in data.items()) + "}"
        deliveries += [Delivery(listener, candidate.change.action, ids, text) for listener, ids in listeners.items()]
    return deliveries


def _heard(candidate: Candidate, group: Group, refused: bool) -> Iterable[Subscription]:
    """The subscriptions of the group that hear of the change: all of them of a refusal."""
    callers: Iterable[str] = group.callers
    if candidate.judged_by_policies and not refused:
        seen = candidate.visible.get(group.interest.role, set())
        callers = seen if len(seen) < len(group.callers) else group.callers
        callers = [each for each in callers if each in seen and each in group.callers]
    return (one for claims in callers for one in group.callers[claims])


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
