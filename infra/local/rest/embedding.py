"""Which relationship `select=…,target!hint(…)` means, and the conditions that join it.

Rules: https://docs.postgrest.org/en/v16/references/api/resource_embedding.html
"""

from __future__ import annotations

from typing import Any

from infra.local.rest.errors import ApiError
from infra.local.rest.fuzzy import closest
from infra.local.rest.plan import ReadNode
from infra.local.rest.schema import Name, Relationship, SchemaCache


def relate(cache: SchemaCache, schema: str, parent: ReadNode, node: ReadNode) -> None:
    """Find how `node` hangs on `parent` and write that into `node`. Raises ApiError PGRST200 or PGRST201."""
    relationship = _find(cache, schema, parent.table.name, node.name, node.hint)
    node.relationship = relationship
    node.table = node.source = relationship.foreign
    node.embed_alias = f"{relationship.table.name}_{node.label}_{node.depth}"
    node.parent_alias = parent.source_alias or relationship.table.name
    if relationship.junction is None:
        node.source_alias = f"{relationship.foreign.name}_{node.depth}"
    above = Name("", parent.source_alias) if parent.source_alias else relationship.table
    junction = relationship.junction
    if junction is not None:
        below = relationship.foreign
        node.conditions = [((junction.table, inner), (below, outer)) for outer, inner in junction.target_columns]
        node.conditions += [((junction.table, inner), (above, outer)) for outer, inner in junction.source_columns]
    else:
        below = Name("", node.source_alias or "")
        node.conditions = [((below, foreign), (above, own)) for own, foreign in relationship.columns]


def _find(cache: SchemaCache, schema: str, origin: str, target: str, hint: str | None) -> Relationship:
    known = cache.relationships.get((Name(schema, origin), schema), [])
    found = [each for each in known if _matches(each, target, hint)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(origin, target, found)
    raise _missing(cache, schema, origin, target, hint)


def _matches(relationship: Relationship, target: str, hint: str | None) -> bool:
    if relationship.function is not None:
        return target == relationship.function.name
    names_table = target == relationship.foreign.name
    own, foreign = _single_columns(relationship)
    if relationship.is_self:
        # One key gives two relationships: the list by the table's name, the single one by the column's.
        if hint is not None:
            return names_table and relationship.cardinality == "one-to-many" and hint == foreign
        if relationship.cardinality == "one-to-many":
            return names_table
        return relationship.cardinality == "many-to-one" and target == own
    if hint is None:
        by_key = target in (relationship.constraint, own) and relationship.junction is None
        return names_table or (by_key and not relationship.foreign_is_view)
    if relationship.junction is not None:
        return names_table and hint == relationship.junction.table.name
    return names_table and hint in (relationship.constraint, own, foreign)


def _single_columns(relationship: Relationship) -> tuple[str | None, str | None]:
    return relationship.columns[0] if len(relationship.columns) == 1 else (None, None)


def _missing(cache: SchemaCache, schema: str, origin: str, target: str, hint: str | None) -> ApiError:
    using = f"' using the hint '{hint}" if hint is not None else ""
    return ApiError(
        400,
        "PGRST200",
        f"Could not find a relationship between '{origin}' and '{target}' in the schema cache",
        f"Searched for a foreign key relationship between '{origin}' and '{target}{using}' in the schema '{schema}', "
        "but no matches were found.",
        _suggestion(cache, schema, origin, target),
    )


def _suggestion(cache: SchemaCache, schema: str, origin: str, target: str) -> str | None:
    children = cache.relationships.get((Name(schema, origin), schema))
    if children is not None:
        similar = closest(target, sorted({each.foreign.name for each in children}), at_least=0.33)
        told = similar is not None and similar.lower() != target.lower()
        return f"Perhaps you meant '{similar}' instead of '{target}'." if told else None
    parents = sorted({table.name for table, _ in cache.relationships if table.schema == schema})
    similar = closest(origin, parents, at_least=0.33)
    return f"Perhaps you meant '{similar}' instead of '{origin}'." if similar else None


def _ambiguous(origin: str, target: str, found: list[Relationship]) -> ApiError:
    hints = [
        f"'{each.foreign.name}!{each.junction.table.name if each.junction else each.constraint}'" for each in found
    ]
    return ApiError(
        300,
        "PGRST201",
        f"Could not embed because more than one relationship was found for '{origin}' and '{target}'",
        [_described(each) for each in found],
        f"Try changing '{target}' to one of the following: {', '.join(hints)}. "
        "Find the desired relationship in the 'details' key.",
    )


def _described(relationship: Relationship) -> dict[str, Any]:
    def columns(names: list[str]) -> str:
        return f"({', '.join(names)})"

    own, foreign = relationship.table.name, relationship.foreign.name
    junction = relationship.junction
    if junction is not None:
        source = junction.source_constraint + columns([inner for _, inner in junction.source_columns])
        target = junction.target_constraint + columns([inner for _, inner in junction.target_columns])
        told = f"{junction.table.name} using {source} and {target}"
    else:
        ours = own + columns([mine for mine, _ in relationship.columns])
        theirs = foreign + columns([other for _, other in relationship.columns])
        told = f"{relationship.constraint} using {ours} and {theirs}"
    return {"embedding": f"{own} with {foreign}", "cardinality": relationship.cardinality, "relationship": told}
