"""Functions: which of several of one name is meant, and how it is called."""

from __future__ import annotations

from infra.local.rest.errors import ApiError
from infra.local.rest.fuzzy import closest
from infra.local.rest.grammar.ast import Query
from infra.local.rest.payload import Payload
from infra.local.rest.plan import Call, EmbedExists, PlannedCondition, PlannedFilter, ReadNode
from infra.local.rest.schema import Name, Routine, SchemaCache
from infra.local.rest.writing import columns_needed

# A body of this type may go whole to a function's only parameter, if that has no name and one of these types.
UNNAMED = {
    "application/json": ("json", "jsonb"),
    "text/plain": ("text",),
    "text/xml": ("xml",),
    "application/octet-stream": ("bytea",),
}


def find(cache: SchemaCache, name: Name, keys: set[str], content_type: str, *, posted: bool) -> Routine:
    """The function that takes just these arguments. Raises ApiError PGRST202 (none) or PGRST203 (several)."""
    overloads = cache.routines.get(name, [])
    exact = [each for each in overloads if _takes(each, keys, content_type, posted=posted)]
    whole = [each for each in overloads if each not in exact and _takes_body(each, content_type, posted=posted)]
    found = exact or whole
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(found)
    raise _missing(cache, name, sorted(keys), content_type, posted=posted)


def plan(routine: Routine, query: Query, payload: Payload | None, result: ReadNode) -> Call:
    """The call with the query string's arguments, or with `payload` where there is one."""
    returning = columns_needed(result, ())
    parameters = list(routine.parameters)
    if len(parameters) == 1 and not parameters[0].name:
        body: str | bytes | None = None
        if payload is not None:
            body = payload.raw if payload.raw is not None else payload.text
            if isinstance(body, bytes) and parameters[0].type != "bytea":
                body = body.decode(errors="replace")
        return Call(routine, parameters, True, None, body, False, returning, _filtered(result))
    if payload is None or payload.arguments is not None:
        pairs = query.arguments if payload is None else payload.arguments or ()
        arguments = _arguments(routine, pairs)
        given = [each for each in parameters if each.name in arguments]
        return Call(routine, given, False, arguments, None, False, returning, _filtered(result))
    given = [each for each in parameters if each.name in payload.keys]
    return Call(routine, given, False, None, payload.text, payload.is_object, returning, _filtered(result))


def _arguments(routine: Routine, pairs: tuple[tuple[str, str], ...]) -> dict[str, str | list[str]]:
    """Values by name. The last of several counts, except that a variadic parameter collects them all."""
    variadic = {each.name for each in routine.parameters if each.variadic}
    arguments: dict[str, str | list[str]] = {}
    for name, value in pairs:
        collected = arguments.get(name)
        if name in variadic:
            arguments[name] = [*collected, value] if isinstance(collected, list) else [value]
        else:
            arguments[name] = value
    return arguments


def _filtered(result: ReadNode) -> list[str]:
    """What is asked of the call's rows besides the selected columns, because filters name it.

    As PostgREST has it: filters of embedded resources count too, and what only orders has to be selected.
    """

    def names(condition: PlannedCondition) -> list[str]:
        if isinstance(condition, PlannedFilter):
            return [condition.field.name]
        if isinstance(condition, EmbedExists):
            return [condition.node.embed_alias]
        return [name for child in condition.children for name in names(child)]

    def of_node(node: ReadNode) -> set[str]:
        own = {name for condition in node.where for name in names(condition)}
        return own.union(*map(of_node, node.children))

    return sorted(of_node(result))


def _takes(routine: Routine, keys: set[str], content_type: str, *, posted: bool) -> bool:
    if not routine.parameters:
        return not keys and not (posted and content_type in UNNAMED and content_type != "application/json")
    required = {each.name for each in routine.parameters if each.required}
    optional = {each.name for each in routine.parameters if not each.required}
    return keys - optional == required


def _takes_body(routine: Routine, content_type: str, *, posted: bool) -> bool:
    parameters = routine.parameters
    return (
        posted
        and len(parameters) == 1
        and not parameters[0].name
        and parameters[0].type in UNNAMED.get(content_type, ())
    )


def _ambiguous(found: list[Routine]) -> ApiError:
    def told(routine: Routine) -> str:
        parameters = ", ".join(f"{each.name} => {each.type}" for each in routine.parameters)
        return f"{routine.name.schema}.{routine.name.name}({parameters})"

    return ApiError(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {', '.join(map(told, found))}",
        None,
        "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
    )


def _missing(cache: SchemaCache, name: Name, keys: list[str], content_type: str, *, posted: bool) -> ApiError:
    function = f"{name.schema}.{name.name}"
    plain = {"text/plain": "text", "text/xml": "xml", "application/octet-stream": "bytea"}
    if posted and content_type in plain:
        details = f"Searched for the function {function} with a single unnamed {plain[content_type]} parameter"
        message = f"Could not find the function {function} in the schema cache"
        return ApiError(404, "PGRST202", message, f"{details}, but no matches were found in the schema cache.")
    listed = ", ".join(keys)
    message = (
        f"Could not find the function {function}{f'({listed})' if keys else ' without parameters'} in the schema cache"
    )
    searched = f" with parameter{'s' if len(keys) > 1 else ''} {listed}" if keys else " without parameters"
    if posted and content_type == "application/json":
        searched += " or with a single unnamed json/jsonb parameter"
    details = f"Searched for the function {function}{searched}, but no matches were found in the schema cache."
    return ApiError(404, "PGRST202", message, details, _suggestion(cache, name, keys))


def _suggestion(cache: SchemaCache, name: Name, keys: list[str]) -> str | None:
    def listed(names: list[str]) -> str:
        return f"({', '.join(sorted(names))})"

    overloads = cache.routines.get(name)
    if overloads:
        lists = [listed([parameter.name for parameter in each.parameters]) for each in overloads]
        similar = closest(listed(keys), lists, at_least=0.33)
        similar = name.name + similar if similar else None
    else:
        names = sorted({each.name for each in cache.routines if each.schema == name.schema})
        similar = closest(name.name, names, at_least=0.75)
    return f"Perhaps you meant to call the function {name.schema}.{similar}" if similar else None
