"""From a plan to the one statement that does it and answers with everything the response needs.

The statement's columns are PostgREST's, as plans show them: total (null where not counted), page_total, for a write
location (json array of texts), body, response_headers, response_status, inserted.
"""

# ruff: noqa: S608 - it is for making SQL; what goes into it is said in sql.py

from __future__ import annotations

from dataclasses import dataclass

from infra.local.rest.grammar.ast import ALL_ROWS
from infra.local.rest.media import Handler, MediaType
from infra.local.rest.plan import Call, Insert, Mutation, ReadNode
from infra.local.rest.prefer import Preferences
from infra.local.rest.render_write import WriteRenderer
from infra.local.rest.schema import Routine
from infra.local.rest.sql import qualified

ROWS = "_postgrest_t"
HEADERS = "nullif(current_setting('response.headers', true), '')"
STATUS = "nullif(current_setting('response.status', true), '')"


@dataclass(frozen=True)
class Statement:
    text: str
    parameters: tuple[str | bytes, ...]


@dataclass(frozen=True)
class Output:
    """What shall be made of the rows, and how they shall be counted."""

    handler: Handler
    media: MediaType
    preferences: Preferences
    max_rows: int | None


def read(root: ReadNode, output: Output) -> Statement:
    """The statement of a GET."""
    renderer = Renderer()
    source = renderer.rows(root)
    total, count = renderer.total(root, output)
    text = (
        f"WITH pgrst_source AS ( {source} ){count} SELECT {total} AS total, pg_catalog.count({ROWS}) AS page_total, "
        f"{renderer.body(output.handler, None)} AS body, {HEADERS} AS response_headers, "
        f"{STATUS} AS response_status, null AS inserted FROM ( SELECT * FROM pgrst_source ) {ROWS}"
    )
    return renderer.statement(text, output.media)


def count_plan(root: ReadNode) -> Statement:
    """The statement whose plan tells how many rows the planner expects."""
    renderer = Renderer()
    return Statement("EXPLAIN (FORMAT JSON) " + renderer.count(root), tuple(renderer.parameters))


def write(mutation: Mutation, result: ReadNode, output: Output) -> Statement:
    """The statement of a POST, PUT, PATCH or DELETE."""
    renderer = Renderer()
    source = renderer.mutation(mutation)
    shown = "SELECT * FROM pgrst_source" if output.handler.kind == "none" else renderer.rows(result)
    location, inserted = "null", "null"
    if isinstance(mutation, Insert):
        if output.preferences.representation == "headers-only":
            location = f"CASE WHEN pg_catalog.count({ROWS}) = 1 THEN {renderer.location(mutation.primary_key)} END"
        if mutation.conflict and mutation.conflict[0] == "merge-duplicates":
            inserted = "nullif(current_setting('pgrst.inserted', true), '')::int"
    text = (
        f"WITH pgrst_source AS ({source}) SELECT null AS total, pg_catalog.count({ROWS}) AS page_total, "
        f"{location} AS location, {renderer.body(output.handler, None)} AS body, {HEADERS} AS response_headers, "
        f"{STATUS} AS response_status, {inserted} AS inserted FROM ({shown}) {ROWS}"
    )
    return renderer.statement(text, output.media)


def call(planned: Call, result: ReadNode, output: Output) -> Statement:
    """The statement of a function call."""
    renderer = Renderer()
    routine = planned.routine
    source = renderer.call(planned)
    total, count = renderer.total(result, output)
    page_total = f"pg_catalog.count({ROWS})" if routine.returns_set else "1"
    text = (
        f"WITH pgrst_source AS ({source}){count} SELECT {total} AS total, {page_total} AS page_total, "
        f"{renderer.body(output.handler, routine)} AS body, {HEADERS} AS response_headers, "
        f"{STATUS} AS response_status, null AS inserted FROM ({renderer.rows(result)}) {ROWS}"
    )
    return renderer.statement(text, output.media)


class Renderer(WriteRenderer):
    def statement(self, text: str, media: MediaType) -> Statement:
        if media.plan_of is not None:
            options = [f"FORMAT {media.plan_format.upper()}", *(option.upper() for option in media.plan_options)]
            text = f"EXPLAIN ({', '.join(options)}) {text}"
        return Statement(text, tuple(self.parameters))

    def total(self, root: ReadNode, output: Output) -> tuple[str, str]:
        """The expression of the total, and the part of the WITH list that it needs."""
        if not output.preferences.counts:
            return "null::bigint", ""
        if output.max_rows is None and root.rows == ALL_ROWS:
            return f"pg_catalog.count({ROWS})", ""
        counted = self.count(root)
        if output.preferences.count == "estimated" and output.max_rows is not None:
            counted += f" LIMIT {output.max_rows + 1}"  # enough to see that there are more
        return "(SELECT pg_catalog.count(*) FROM pgrst_source_count)", f", pgrst_source_count AS ({counted})"

    def body(self, handler: Handler, routine: Routine | None) -> str:
        if handler.kind == "none":
            return "''"
        if handler.kind == "function":
            assert handler.function is not None
            if routine is not None and routine.returns_scalar:
                return f"{qualified(handler.function)}({ROWS}.pgrst_scalar)"
            target = f"::{qualified(handler.target)}" if handler.target else ""
            return f"{qualified(handler.function)}({ROWS}{target})"
        if handler.kind == "csv":
            return _CSV
        if handler.kind == "geojson":
            features = f"coalesce(json_agg(ST_AsGeoJSON({ROWS})::json), '[]')"
            return f"json_build_object('type', 'FeatureCollection', 'features', {features})"
        scalar = routine is not None and (routine.returns_scalar or routine.returns_set_of_scalar)
        rows = f"json_agg({ROWS}{'.pgrst_scalar' if scalar else ''})"
        single = handler.kind == "object" or (routine is not None and not routine.returns_set)
        rows = f"{rows}->0" if single else rows
        if handler.strip_nulls:
            rows = f"json_strip_nulls({rows})"
        return f"coalesce({rows}, '{'null' if single else '[]'}')"


_CSV = (
    "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT json_object_keys(r)::text AS k FROM "
    "(SELECT row_to_json(hh) AS r FROM pgrst_source AS hh LIMIT 1) s) a) || E'\\n' || "
    f"coalesce(string_agg(substring({ROWS}::text, 2, length({ROWS}::text) - 2), E'\\n'), '')"
)
