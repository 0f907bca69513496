# ruff: noqa: S608 - it is for making SQL; what goes into it is said in sql.py
"""SELECT statements of a read tree: lateral joins for what is embedded, grouping, counting."""

from __future__ import annotations

from infra.local.rest.plan import (
    Embed,
    EmbedExists,
    PlannedCondition,
    PlannedField,
    PlannedFilter,
    PlannedSelect,
    ReadNode,
    SpreadColumn,
)
from infra.local.rest.schema import Name
from infra.local.rest.sql import Fragments, aggregated, identifier, qualified, where


class ReadRenderer(Fragments):
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
