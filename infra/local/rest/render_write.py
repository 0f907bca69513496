# ruff: noqa: S608 - it is for making SQL; what goes into it is said in sql.py
"""Statements that write or call, fed by a JSON body that the database itself takes apart."""

from __future__ import annotations

from infra.local.rest.plan import Call, Delete, Insert, Mutation, PlannedField, Update
from infra.local.rest.render_read import ReadRenderer
from infra.local.rest.schema import Name, Parameter
from infra.local.rest.sql import array_literal, identifier, literal, qualified, where

BODY = Name("", "pgrst_body")


class WriteRenderer(ReadRenderer):
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


def _from_body(parameter: Parameter) -> str:
    name = identifier(parameter.name)
    return f"{'VARIADIC ' if parameter.variadic else ''}{name} := pgrst_body.{name}"


def _count_inserted(change: str, never: str) -> str:
    """A condition that always holds, and keeps count of the rows that were inserted rather than updated."""
    current = "coalesce(nullif(current_setting('pgrst.inserted', true), '')::int, 0)"
    return f"set_config('pgrst.inserted', ({current} {change})::text, true) <> '{never}'"
