"""Plans of inserts, upserts, updates and deletes."""

from __future__ import annotations

from dataclasses import replace

from infra.local.rest import errors
from infra.local.rest.grammar.ast import Query
from infra.local.rest.payload import Payload
from infra.local.rest.plan import Conflict, Delete, Insert, Mutation, PlannedField, ReadNode, Update
from infra.local.rest.prefer import Preferences
from infra.local.rest.reading import Planner
from infra.local.rest.schema import Name


def plan(
    planner: Planner,
    method: str,
    table: Name,
    query: Query,
    payload: Payload | None,
    preferences: Preferences,
    result: ReadNode,
) -> Mutation:
    """The write of `method` (POST, PUT, PATCH, DELETE) on `table`; `result` is what is read of it afterwards.

    Raises ApiError PGRST105 (PUT), PGRST204 (unknown column), and 21000 for a PATCH or DELETE of everything.
    """
    primary_key = planner.cache.tables[table].primary_key
    wanted = preferences.representation in ("representation", "headers-only")
    returning = columns_needed(result, primary_key) if wanted else []
    where = planner.conditions(table, query)
    if method == "DELETE":
        if not where:
            raise errors.unsafe("DELETE")
        return Delete(table, where, returning)
    assert payload is not None
    columns = [_column(planner, table, name) for name in sorted(payload.keys)]
    defaults = preferences.missing == "default"
    if method == "PATCH":
        if columns and not where:
            raise errors.unsafe("UPDATE")
        return Update(table, columns, payload.text, payload.is_object, where, returning, defaults)
    insert = Insert(
        table, columns, payload.text, payload.is_object, None, [], returning, primary_key, apply_defaults=defaults
    )
    if method == "PUT":
        _check_put(query, primary_key)
        conflict: Conflict = ("merge-duplicates", primary_key)
        return replace(insert, conflict=conflict, put=where, primary_key=(), apply_defaults=False)
    if preferences.resolution is not None:
        key = primary_key if query.on_conflict is None else query.on_conflict
        return replace(insert, conflict=(preferences.resolution, key))
    return insert


def columns_needed(result: ReadNode, primary_key: tuple[str, ...]) -> list[str]:
    """What RETURNING must give, so that `result` can be selected and its embedded resources joined."""
    names = {each.field.name for each in result.select}
    relationships = [child.relationship for child in result.children if child.relationship]
    if "*" in names or any(each.function for each in relationships):
        return ["*"]
    for each in relationships:
        pairs = each.junction.source_columns if each.junction else each.columns
        names |= {own for own, _ in pairs}
    return sorted(names | set(primary_key))


def _column(planner: Planner, table: Name, name: str) -> PlannedField:
    column = planner.cache.column(table, name)
    if column is None:
        raise errors.unknown_column(table.name, name)
    field = PlannedField(name, type=column.nominal_type, default=column.default)
    parser = planner.cache.representations.get(("json", column.nominal_type))
    return replace(field, transform=parser, type="json") if parser else field


def _check_put(query: Query, primary_key: tuple[str, ...]) -> None:
    plain = all(
        each.comparison.operator == "eq" and not each.comparison.negated and each.comparison.quantifier is None
        for each in query.root_filters
    )
    if query.logic or not primary_key or query.filtered_names != set(primary_key) or not plain:
        raise errors.invalid_put_filters()
