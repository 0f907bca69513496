"""From the syntax tree to the tree that is read: columns typed, resources related, filters put where they belong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from infra.local.rest import errors
from infra.local.rest.config import Configuration
from infra.local.rest.embedding import relate
from infra.local.rest.grammar.ast import (
    ALL_ROWS,
    Comparison,
    Condition,
    Field,
    Filter,
    OrderTerm,
    Query,
    Range,
    SelectField,
    SelectItem,
)
from infra.local.rest.plan import (
    SOURCE,
    Embed,
    EmbedExists,
    EmbedMode,
    PlannedCondition,
    PlannedField,
    PlannedFilter,
    PlannedLogic,
    PlannedOrder,
    PlannedSelect,
    ReadNode,
    SpreadColumn,
)
from infra.local.rest.schema import Column, Name, SchemaCache

FULL_TEXT = frozenset({"fts", "plfts", "phfts", "wfts"})
T = TypeVar("T")


@dataclass(frozen=True)
class Planner:
    """Plans requests against one state of the schema. `schema` is the one the request has chosen."""

    cache: SchemaCache
    configuration: Configuration
    schema: str

    def read(self, table: Name, query: Query, rows: Range) -> ReadNode:
        """The tree for a GET of `table`, with its top-level `rows`."""
        root = ReadNode(table, table, table.name, 0)
        self._grow(root, query, rows, root_conditions=True)
        return self._finish(root, limited=True)

    def read_result(self, table: Name, query: Query, rows: Range, *, of_call: bool) -> ReadNode:
        """The tree for what a write or a call gives back: filters on the top level are for a call only."""
        root = ReadNode(table, SOURCE, table.name, 0, source_alias=table.name)
        self._grow(root, query, rows if of_call else ALL_ROWS, root_conditions=of_call, embedded_rows=of_call)
        return self._finish(root, limited=of_call)

    def conditions(self, table: Name, query: Query) -> list[PlannedCondition]:
        """The filters of a write."""
        return [self._condition(table, each) for each in (*query.root_filters, *query.root_logic)]

    # -- fields ----------------------------------------------------------------------------------------------------

    def field(self, table: Name, field: Field) -> PlannedField:
        column = self.cache.column(table, field.name)
        if column is None:
            return PlannedField(field.name, field.path, as_json=True)
        return PlannedField(
            field.name,
            field.path,
            as_json=column.nominal_type not in ("json", "jsonb"),
            type=column.nominal_type,
            default=column.default,
        )

    def _output_field(self, table: Name, field: Field) -> PlannedField:
        planned = self.field(table, field)
        transform = self.cache.representations.get((planned.type, "json"))
        return replace(planned, transform=transform) if transform else planned

    def _compared_field(self, table: Name, field: Field, comparison: Comparison) -> PlannedField:
        planned = self.field(table, field)
        column = self.cache.column(table, field.name)
        if comparison.operator in FULL_TEXT and column is not None and column.type != "tsvector":
            planned.as_tsvector, planned.language = True, comparison.language
        planned.transform = self.cache.representations.get(("text", planned.type))
        return planned

    def _condition(self, table: Name, condition: Condition) -> PlannedCondition:
        if isinstance(condition, Filter):
            field = self._compared_field(table, condition.field, condition.comparison)
            return PlannedFilter(field, condition.comparison)
        children = [self._condition(table, child) for child in condition.children]
        return PlannedLogic(condition.operator, condition.negated, children)

    # -- the tree --------------------------------------------------------------------------------------------------

    def _grow(
        self, root: ReadNode, query: Query, rows: Range, *, root_conditions: bool, embedded_rows: bool = True
    ) -> None:
        """Hang the selected resources on `root`, and on each what the query's paths mean for it.

        Paths are followed before relationships are looked for, and the last parameter's first: of several errors that
        decides which is told.
        """
        items: dict[int, tuple[SelectItem, ...]] = {}
        self._branch(root, query.select, items)
        filters = [
            (self._target(root, path), each) for path, each in reversed(query.filters) if path or root_conditions
        ]
        orders = [(self._target(root, path), terms) for path, terms in reversed(query.order)]
        if embedded_rows:
            for path, wanted in query.ranges:
                if path:
                    self._target(root, path).rows = wanted
        root.rows = rows
        logic = [(self._target(root, path), each) for path, each in reversed(query.logic) if path or root_conditions]
        self._fill(root, items)
        for node, condition in (*reversed(filters), *reversed(logic)):
            node.where.append(self._condition(node.table, condition))
        for node, terms in orders:
            node.order = [self._order_term(node.table, term) for term in terms]

    def _branch(
        self, node: ReadNode, selected: tuple[SelectItem, ...], items: dict[int, tuple[SelectItem, ...]]
    ) -> None:
        """Make a child for each selected resource. `items` keeps what was selected of each node, by its id."""
        items[id(node)] = selected
        for item in selected:
            if isinstance(item, SelectField):
                continue
            named = Name(self.schema, item.name)
            child = ReadNode(
                named, named, item.name, node.depth + 1, item.alias, join=item.join, spread=item.spread, hint=item.hint
            )
            self._branch(child, item.children, items)
            node.children.append(child)

    def _fill(self, node: ReadNode, items: dict[int, tuple[SelectItem, ...]]) -> None:
        """Relate the children to their parents, and type the columns that are selected."""
        for item in items[id(node)]:
            if isinstance(item, SelectField):
                field = self._output_field(node.table, item.field)
                node.select.append(PlannedSelect(field, item.alias, item.cast, item.aggregate, item.aggregate_cast))
        for child in node.children:
            relate(self.cache, self.schema, node, child)
            self._fill(child, items)

    def _order_term(self, table: Name, term: OrderTerm) -> PlannedOrder:
        if term.relation is None:
            return PlannedOrder(self.field(table, term.field), term.direction, term.nulls)
        field = PlannedField(term.field.name, term.field.path)
        return PlannedOrder(field, term.direction, term.nulls, term.relation)

    def _target(self, node: ReadNode, path: tuple[str, ...]) -> ReadNode:
        """The node that `path` leads to. What a path passes becomes the first of its parent's children."""
        legacy = self.configuration.legacy_target_names
        for name in path:
            child = next((each for each in node.children if _goes_by(each, name, legacy=legacy)), None)
            if child is None:
                known = None if legacy else next((each for each in node.children if each.name == name), None)
                raise errors.not_embedded(name, known.alias if known else None)
            child.legacy_named |= child.alias not in (None, name) and child.name == name
            node.children.remove(child)
            node.children.insert(0, child)
            node = child
        return node

    # -- after everything is in its place --------------------------------------------------------------------------

    def _finish(self, root: ReadNode, *, limited: bool) -> ReadNode:
        if limited:
            _limit(root, self.configuration.max_rows)
        self._expand_stars(root, aggregated=False)
        _name_columns(root)
        _link_orders_and_filters(root)
        if not self.configuration.aggregates_enabled and _aggregates(root):
            raise errors.no_aggregates()
        _embed(root)
        _hoist(root)
        _order_lists(root)
        return root

    def _expand_stars(self, node: ReadNode, *, aggregated: bool) -> None:
        """Write `*` out where it could not stand: beside aggregates, in spread lists, with data representations."""
        aggregated = aggregated or node.spreads_list or any(each.aggregate for each in node.select)
        table = self.cache.tables.get(node.table)
        columns = list(table.columns.values()) if table else []
        if aggregated or any((column.nominal_type, "json") in self.cache.representations for column in columns):
            node.select = [written for each in node.select for written in self._expanded(node, each, columns)]
        for child in node.children:
            self._expand_stars(child, aggregated=aggregated)

    def _expanded(self, node: ReadNode, each: PlannedSelect, columns: list[Column]) -> list[PlannedSelect]:
        if each.field.name != "*":
            return [each]
        if each.aggregate is None:
            fields = [self._output_field(node.table, Field(column.name)) for column in columns]
            return [replace(each, field=field) for field in fields] or [each]
        if each.aggregate == "count" and node.spread:
            return [replace(each, field=replace(each.field, whole_row=True))]
        return [each]


def _goes_by(node: ReadNode, name: str, *, legacy: bool) -> bool:
    return name in (node.name, node.alias) if legacy else name == node.label


def warnings(root: ReadNode) -> list[tuple[str, str]]:
    """(table's name, alias) of the embedded resources that were addressed by the former."""
    own = [(root.name, root.alias)] if root.legacy_named and root.alias else []
    return own + [each for child in root.children for each in warnings(child)]


def _limit(node: ReadNode, rows: int | None) -> None:
    node.rows = node.rows.at_most(rows)
    for child in node.children:
        _limit(child, rows)


def _name_columns(node: ReadNode) -> None:
    """The names that columns get where the client gave none."""
    for each in node.select:
        if each.alias is not None:
            continue
        if each.aggregate is not None:
            each.alias = each.aggregate if node.spread else None
        elif each.field.path:
            keys = [step.operand for step in each.field.path if not step.is_index]
            each.alias = keys[-1] if keys else each.field.name
        elif each.field.transform:
            each.alias = each.field.name
    for child in node.children:
        _name_columns(child)


def _link_orders_and_filters(node: ReadNode) -> None:
    for term in node.order:
        if term.relation is None:
            continue
        child = next((child for child in node.children if child.label == term.relation), None)
        if child is None:
            raise errors.not_embedded(term.relation)
        if not child.to_one:
            raise errors.order_by_many(node.table.name, child.label)
        term.relation = child.embed_alias
    node.where = [_link_filter(node, condition) for condition in node.where]
    for child in node.children:
        _link_orders_and_filters(child)


def _link_filter(node: ReadNode, condition: PlannedCondition) -> PlannedCondition:
    """A null filter on an embedded resource's name asks whether it has rows."""
    if isinstance(condition, PlannedLogic):
        children = [_link_filter(node, child) for child in condition.children]
        return PlannedLogic(condition.operator, condition.negated, children)
    if isinstance(condition, PlannedFilter) and not condition.field.path:
        comparison = condition.comparison
        child = next((child for child in node.children if child.label == condition.field.name), None)
        if child is not None and comparison.operator == "is" and comparison.value == "null":
            return EmbedExists(child, wanted=comparison.negated)
    return condition


def _aggregates(node: ReadNode) -> bool:
    return any(each.aggregate for each in node.select) or any(map(_aggregates, node.children))


def _embed(node: ReadNode) -> None:
    for child in node.children:
        _embed(child)
        if child.spread:
            node.embeds.append(Embed(child, "spread", child.label, columns=_spread_columns(child)))
        else:
            mode: EmbedMode = "object" if child.to_one else "array"
            node.embeds.append(Embed(child, mode, child.label, empty=_selects_nothing(child)))


def _selects_nothing(node: ReadNode) -> bool:
    return not node.select and all(map(_selects_nothing, node.children))


def _spread_columns(node: ReadNode) -> list[SpreadColumn]:
    columns = [SpreadColumn(each.alias or each.field.name) for each in node.select]
    for embed in node.embeds:
        columns += (
            [replace(column) for column in embed.columns] if embed.mode == "spread" else [SpreadColumn(embed.name)]
        )
    return columns


Hoisted = dict[tuple[str, str], PlannedSelect]


def _hoist(node: ReadNode) -> Hoisted:
    """Move aggregates of to-one spreads up to where rows are grouped: the root, or the nearest object or array."""
    from_children: Hoisted = {}
    for child in node.children:
        from_children |= _hoist(child)
    spreads_one = node.depth > 0 and node.spread and node.to_one
    if not spreads_one:
        for embed in node.embeds:
            for column in embed.columns:
                moved = from_children.get((embed.node.embed_alias, column.name))
                if moved is not None:
                    column.aggregate, column.aggregate_cast, column.alias = (
                        moved.aggregate,
                        moved.aggregate_cast,
                        moved.alias,
                    )
        return {}
    hoisted: Hoisted = {}
    for each in node.select:
        if each.aggregate is not None:
            hoisted[node.embed_alias, each.alias or each.field.name] = replace(each)
            each.aggregate = each.aggregate_cast = None
    hoisted |= {(node.embed_alias, name): each for (_, name), each in from_children.items()}
    return hoisted


def _order_lists(node: ReadNode) -> None:
    """A spread list is ordered where it is aggregated: what orders it is selected too, under names of its own."""
    if node.spreads_list:
        spread = (column for embed in node.embeds for column in embed.columns)
        if any(each.aggregate for each in node.select) or any(column.aggregate for column in spread):
            raise errors.not_implemented("Aggregates are not implemented for one-to-many or many-to-many spreads.")
        for number, term in enumerate(node.order, 1):
            alias = f"{node.embed_alias}_{term.field.name}_{number}"
            node.order_columns.append((term.relation, PlannedSelect(term.field, alias)))
            node.order_aggregated.append(PlannedOrder(PlannedField(alias), term.direction, term.nulls))
        node.order = []
    for child in node.children:
        _order_lists(child)
