"""From a plan to the one statement that does it and answers with everything the response needs.

The statement's columns are always: total (null where not counted), page_total, location (json array of texts), body,
response_headers, response_status, inserted.
"""

# ruff: noqa: S608 - it is for making SQL; what goes into it is said in sql.py

from __future__ import annotations

from dataclasses import dataclass

from infra.local.rest.grammar.ast import ALL_ROWS
from infra.local.rest.media import Handler, MediaType
from infra.local.rest.plan import (
    Call,
    Delete,
    Embed,
    EmbedExists,
    Insert,
    Mutation,
    PlannedCondition,
    PlannedField,
    PlannedFilter,
    PlannedSelect,
    ReadNode,
    SpreadColumn,
    Update,
)
from infra.local.rest.prefer import Preferences
from infra.local.rest.schema import Name, Parameter, Routine
from infra.local.rest.sql import Fragments, aggregated, array_literal, identifier, literal, qualified, where

ROWS = "_postgrest_t"
BODY = Name("", "pgrst_body")
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
        f"null AS location, {renderer.body(output.handler, None)} AS body, {HEADERS} AS response_headers, "
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
        f"null AS location, {renderer.body(output.handler, routine)} AS body, {HEADERS} AS response_headers, "
        f"{STATUS} AS response_status, null AS inserted FROM ({renderer.rows(result)}) {ROWS}"
    )
    return renderer.statement(text, output.media)


class Renderer(Fragments):
    def statement(self, text: str, media: MediaType) -> Statement:
        if media.plan_of is not None:
            options = [f"FORMAT {media.plan_format.upper()}", *(option.upper() for option in media.plan_options)]
            text = f"EXPLAIN ({', '.join(options)}) {text}"
        return Statement(text, tuple(self.parameters))

    # -- reading ---------------------------------------------------------------------------------------------------

    def rows(self, node: ReadNode) -> str:
        qualifier = node.qualifier
        columns = node.select
        if not columns and not node.children:
            columns = [PlannedSelect(PlannedField("*"))]  # none are wanted, but rows have to be
        listed = [self.select(qualifier, each) for each in columns]
        listed += [
            self.select(Name("", relation) if relation else qualifier, each) for relation, each in node.order_columns
        ]
        listed += [column for embed in node.embeds for column in self._embedded_columns(embed)]
        joins = "".join(self._join(embed) for embed in node.embeds)
        conditions = [self.condition(qualifier, each) for each in node.where] + self._join_conditions(node)
        parts = [
            f"SELECT {', '.join(listed)} FROM {self._source(node)}{joins}{where(conditions)}",
            self._group(node),
            self.order(qualifier, node.order),
            self.limit(node.rows),
        ]
        return " ".join(part for part in parts if part)

    def condition(self, qualifier: Name, each: PlannedCondition) -> str:
        if isinstance(each, EmbedExists):
            return f"{identifier(each.node.embed_alias)} IS {'' if each.wanted else 'NOT '}DISTINCT FROM NULL"
        if isinstance(each, PlannedFilter):
            return self.filter(qualifier, each)
        return self.logic(each.operator, each.negated, [self.condition(qualifier, child) for child in each.children])

    def _source(self, node: ReadNode) -> str:
        relationship = node.relationship
        source = qualified(node.source)
        if relationship is not None and relationship.function is not None:
            # Named by its type, so that of functions of one name the right one is called.
            row = f"{identifier(node.parent_alias or '')}::{qualified(relationship.table)}"
            source = f"{qualified(relationship.function)}({row})"
        if node.source_alias:
            source += f" AS {identifier(node.source_alias)}"
        if relationship is not None and relationship.junction is not None:
            source += f", {qualified(relationship.junction.table)}"
        return source

    def _join_conditions(self, node: ReadNode) -> list[str]:
        return [f"{self.column(*one)} = {self.column(*other)}" for one, other in node.conditions]

    def _embedded_columns(self, embed: Embed) -> list[str]:
        alias = identifier(embed.node.embed_alias)
        if embed.mode == "spread":
            return [self._spread_column(alias, column) for column in embed.columns]
        if embed.empty:
            return []
        if embed.mode == "object":
            return [f"row_to_json({alias}.*)::jsonb AS {identifier(embed.name)}"]
        return [f"COALESCE( {alias}.{alias}, '[]') AS {identifier(embed.name)}"]

    def _spread_column(self, alias: str, column: SpreadColumn) -> str:
        expression = f"{alias}.*" if column.name == "*" else f"{alias}.{identifier(column.name)}"
        expression = aggregated(expression, column.aggregate, column.aggregate_cast)
        return expression + (f" AS {identifier(column.alias)}" if column.alias is not None else "")

    def _join(self, embed: Embed) -> str:
        node = embed.node
        alias = identifier(node.embed_alias)
        inner = node.join == "inner"
        subquery = self.rows(node)
        condition = "TRUE"
        if not node.to_one:
            # A list is aggregated inside, so that an inner join can see whether there was anything.
            listed = [f"json_agg({alias})::jsonb AS {alias}"]
            if embed.mode == "spread":
                order = self.order(Name("", node.embed_alias), node.order_aggregated)
                for column in embed.columns:
                    name = identifier(column.name)
                    shown = identifier(column.alias or column.name)
                    listed.append(f"COALESCE(json_agg({alias}.{name} {order}),'[]')::jsonb AS {shown}")
            subquery = f"SELECT {', '.join(listed)} FROM ({subquery} ) AS {alias}"
            condition = f"{alias} IS NOT NULL" if inner else "TRUE"
        return f" {'INNER' if inner else 'LEFT'} JOIN LATERAL ( {subquery} ) AS {alias} ON {condition}"

    def _group(self, node: ReadNode) -> str:
        spread = [column for embed in node.embeds for column in embed.columns]
        if not any(each.aggregate for each in node.select) and not any(column.aggregate for column in spread):
            return ""
        terms = [
            identifier(each.alias) if each.alias is not None else self.field(node.qualifier, each.field)
            for each in node.select
            if each.aggregate is None
        ]
        for embed in node.embeds:
            alias = identifier(embed.node.embed_alias)
            if embed.mode != "spread":
                terms.append(identifier(embed.name))
            terms += [
                f"{alias}.{identifier(each.alias or each.name)}" for each in embed.columns if each.aggregate is None
            ]
        return f"GROUP BY {', '.join(terms)}" if terms else ""

    # -- counting --------------------------------------------------------------------------------------------------

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

    def count(self, node: ReadNode) -> str:
        """One row for each of the resource's rows, whatever the range; inner joins become EXISTS."""
        conditions = [self._count_condition(node.qualifier, each) for each in node.where] + self._join_conditions(node)
        conditions += [f"EXISTS ({self.count(child)} )" for child in node.children if child.join == "inner"]
        return f"SELECT 1 FROM {self._source(node)}{where(conditions)}"

    def _count_condition(self, qualifier: Name, each: PlannedCondition) -> str:
        if isinstance(each, EmbedExists):
            return f"{'' if each.wanted else 'NOT '}EXISTS ({self.count(each.node)})"
        if isinstance(each, PlannedFilter):
            return self.filter(qualifier, each)
        children = [self._count_condition(qualifier, child) for child in each.children]
        return self.logic(each.operator, each.negated, children)

    # -- writing ---------------------------------------------------------------------------------------------------

    def mutation(self, mutation: Mutation) -> str:
        if isinstance(mutation, Insert):
            return self._insert(mutation)
        if isinstance(mutation, Update):
            return self._update(mutation)
        conditions = where(self.conditions(mutation.table, mutation.where))
        return f"DELETE FROM {qualified(mutation.table)}{conditions} {self._returning(mutation)}"

    def _insert(self, insert: Insert) -> str:
        names = ", ".join(identifier(column.name) for column in insert.columns)
        parts = [f"INSERT INTO {qualified(insert.table)}{f'({names})' if names else ''}"]
        parts.append(self._body_select(insert.columns, insert.body, insert.is_object, defaults=insert.apply_defaults))
        merges = insert.conflict is not None and insert.conflict[0] == "merge-duplicates"
        checks = self.conditions(BODY, insert.put)
        if insert.put or merges:
            # Every row that is tried counts up; one that turns out to be there counts down again.
            checks.insert(0, _count_inserted("+ 1", "0"))
        parts.append(where(checks).strip())
        if insert.conflict is not None and insert.conflict[1]:
            key = ", ".join(map(identifier, insert.conflict[1]))
            parts.append(f"ON CONFLICT({key})")
            if merges and insert.columns:
                updates = (f"{identifier(each.name)} = EXCLUDED.{identifier(each.name)}" for each in insert.columns)
                parts.append(f"DO UPDATE SET {', '.join(updates)} WHERE {_count_inserted('- 1', '-1')}")
            else:
                parts.append("DO NOTHING")
        parts.append(self._returning(insert))
        return " ".join(part for part in parts if part)

    def _update(self, update: Update) -> str:
        if not update.columns:
            # Nothing to set is no error and changes nothing; the columns are there for what is selected of it.
            names = ", ".join(self.column(Name("", update.table.name), name) for name in update.returning) or "null"
            return f"SELECT {names} FROM {qualified(update.table)} WHERE false"
        assigned = ", ".join(f"{identifier(each.name)} = {self.column(BODY, each.name)}" for each in update.columns)
        source = self._body(update.columns, update.body, update.is_object, defaults=update.apply_defaults)
        conditions = where(self.conditions(update.table, update.where))
        return f"UPDATE {qualified(update.table)} SET {assigned} {source}{conditions} {self._returning(update)}"

    def _returning(self, mutation: Insert | Update | Delete) -> str:
        names = ", ".join(self.column(mutation.table, name) for name in mutation.returning)
        return f"RETURNING {names or '1'}"

    def _body_select(self, columns: list[PlannedField], body: str, is_object: bool, *, defaults: bool) -> str:
        names = ", ".join(self.column(BODY, column.name) for column in columns)
        return f"SELECT {names} {self._body(columns, body, is_object, defaults=defaults)}"

    def _body(
        self, columns: list[PlannedField], body: str, is_object: bool, *, defaults: bool = False, one: bool = False
    ) -> str:
        """The JSON body as rows, under the name pgrst_body."""
        kind = "jsonb" if defaults else "json"
        source = "pgrst_payload.json_data"
        text = f"FROM (SELECT {self.parameter(body)}::{kind} AS json_data) pgrst_payload, "
        if defaults:
            known = ", ".join(f"{literal(each.name)}, {each.default}" for each in columns if each.default is not None)
            below = f"jsonb_build_object({known}) || "
            if is_object:
                text += f"LATERAL (SELECT {below}{source} AS val) pgrst_json_defs, "
            else:
                elements = f"jsonb_array_elements({source}) elem"
                text += f"LATERAL (SELECT jsonb_agg({below}elem) AS val FROM {elements}) pgrst_json_defs, "
            source = "pgrst_json_defs.val"
        if not columns:
            rows = "(values(1)) _" if is_object else f"{kind}_array_elements({source}) _"
            return f"{text}LATERAL (SELECT FROM {rows}) pgrst_body"
        typed = ", ".join(f"{identifier(each.name)} {each.type}" for each in columns)
        parsed = ", ".join(
            f"{each.transform}({identifier(each.name)}) AS {identifier(each.name)}"
            if each.transform
            else identifier(each.name)
            for each in columns
        )
        rows = f"{kind}_to_record{'' if is_object else 'set'}({source}) AS _({typed}){' LIMIT 1' if one else ''}"
        return f"{text}LATERAL (SELECT {parsed} FROM {rows}) pgrst_body"

    def location(self, primary_key: tuple[str, ...]) -> str:
        """`column=eq.value` of the key's columns of the only row, as a JSON array."""
        names = ", ".join(map(literal, primary_key)) or "null"
        return (
            "(SELECT json_agg(pair.key || '=' || coalesce('eq.' || pair.value, 'is.null')) "
            "FROM (SELECT row_to_json(_) AS row FROM pgrst_source AS _ LIMIT 1) data "
            f"CROSS JOIN json_each_text(data.row) AS pair WHERE pair.key IN ({names}))"
        )

    # -- calling ---------------------------------------------------------------------------------------------------

    def call(self, planned: Call) -> str:
        routine = planned.routine
        source = ""
        if planned.unnamed:
            arguments = self._single(planned.body, planned.parameters[0].type)
        elif planned.arguments is not None:
            arguments = ", ".join(self._argument(each, planned.arguments[each.name]) for each in planned.parameters)
        else:
            arguments = ", ".join(_from_body(each) for each in planned.parameters)
            if planned.parameters:
                fields = [PlannedField(each.name, type=each.cast_type) for each in planned.parameters]
                assert isinstance(planned.body, str)
                source = self._body(fields, planned.body, planned.body_is_object, one=True) + ", LATERAL "
        invoked = f"{qualified(routine.name)}({arguments})"
        if routine.returns_scalar or routine.returns_set_of_scalar:
            target = f"(SELECT {invoked} pgrst_scalar) pgrst_call"
            return f"SELECT pgrst_call.pgrst_scalar {source or 'FROM '}{target}"
        columns = "*"
        if planned.returning == ["*"]:
            columns = "pgrst_call.*"
        elif planned.returning:
            names = sorted({*planned.returning, *planned.filtered})
            columns = ", ".join(self.column(Name("", "pgrst_call"), name) for name in names)
        return f"SELECT {columns} {source or 'FROM '}{invoked} pgrst_call"

    def _single(self, body: str | bytes | None, kind: str) -> str:
        if body is None:
            return f"null::{kind}"
        return f"{self.parameter(body)}::{kind}"

    def _argument(self, parameter: Parameter, value: str | list[str]) -> str:
        text = array_literal(value) if isinstance(value, list) else value
        spread = "VARIADIC " if parameter.variadic else ""
        return f"{spread}{identifier(parameter.name)} := {self.parameter(text)}::{parameter.cast_type}"

    # -- the body of the answer ------------------------------------------------------------------------------------

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
            return f"json_build_object('type', 'FeatureCollection', 'features', {features})::text"
        scalar = routine is not None and (routine.returns_scalar or routine.returns_set_of_scalar)
        rows = f"json_agg({ROWS}{'.pgrst_scalar' if scalar else ''})"
        single = handler.kind == "object" or (routine is not None and not routine.returns_set)
        rows = f"{rows}->0" if single else rows
        if handler.strip_nulls:
            rows = f"json_strip_nulls({rows})"
        return f"coalesce({rows}, '{'null' if single else '[]'}')::text"


_CSV = (
    "(SELECT coalesce(string_agg(a.k, ','), '') FROM (SELECT json_object_keys(r)::text AS k FROM "
    "(SELECT row_to_json(hh) AS r FROM pgrst_source AS hh LIMIT 1) s) a) || E'\\n' || "
    f"coalesce(string_agg(substring({ROWS}::text, 2, length({ROWS}::text) - 2), E'\\n'), '')"
)


def _from_body(parameter: Parameter) -> str:
    name = identifier(parameter.name)
    return f"{'VARIADIC ' if parameter.variadic else ''}{name} := pgrst_body.{name}"


def _count_inserted(change: str, never: str) -> str:
    """A condition that always holds, and keeps count of the rows that were inserted rather than updated."""
    current = "coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0)"
    return f"set_config('pgrst.inserted', ({current} {change})::text, true) <> '{never}'"
