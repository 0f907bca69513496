"""From a request to what has to be done for it, whoever sends it, and to the answer that its result makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from psycopg_pool import AsyncConnectionPool

from infra.local.rest import errors, media, openapi, payload, prefer, reading, render, response, rpc, writing
from infra.local.rest.catalog import Snapshot
from infra.local.rest.database import Result
from infra.local.rest.flight import Connection
from infra.local.rest.fuzzy import closest
from infra.local.rest.grammar import parse
from infra.local.rest.grammar.ast import ALL_ROWS, Range
from infra.local.rest.media import Handler, MediaType
from infra.local.rest.payload import Payload
from infra.local.rest.plan import Insert, ReadNode
from infra.local.rest.prefer import Preferences
from infra.local.rest.reading import Planner
from infra.local.rest.render import Output, Statement
from infra.local.rest.request import Request
from infra.local.rest.response import Context, Response
from infra.local.rest.schema import Name

Pool = AsyncConnectionPool[Connection]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SUGGESTED_FROM = 500  # tables; with more, none is suggested for an unknown one


@dataclass(frozen=True)
class Planned:
    """What one shape of request comes to. It knows nothing of who asks: `Engine` adds that.

    `respond` makes the answer of the statement's result; `check` may refuse the result before anything is kept.
    """

    schema: str
    preferences: Preferences
    statement: Statement
    respond: Callable[[Result], Response]
    read_only: bool
    is_plan: bool = False
    explain: Statement | None = None
    check: Callable[[Result], None] | None = None
    settings: tuple[tuple[str, str], ...] = ()
    isolation: str | None = None


class Planning:
    """Plans one request against one state of the schema.

    Plans are kept for requests of the same shape, so nothing here may look at more of the request than `shapes` says.
    """

    def __init__(self, snapshot: Snapshot, request: Request, body: Payload | None = None) -> None:
        self.request = request
        self.body = body
        self.configuration = snapshot.configuration
        self.cache = snapshot.cache
        preferred = [value for name, value in request.headers if name == "prefer"]
        self.preferences = prefer.parse(preferred, may_choose_transaction=self.configuration.may_override_transaction)
        self.schema = ""
        self.profile: str | None = None
        self.planner = Planner(self.cache, self.configuration, "")
        self.warnings: list[tuple[str, str]] = []

    def plan(self) -> Planned | Response:
        """What to do, or the answer where nothing has to be done. Raises ApiError."""
        parts = self.request.segments
        if len(parts) > 2 or (len(parts) == 2 and parts[0] != "rpc"):
            raise errors.invalid_path()
        self.schema, negotiated = self.request.schema(self.configuration.schemas)
        self.profile = self.schema if negotiated else None
        self.planner = Planner(self.cache, self.configuration, self.schema)
        method = self.request.method
        if len(parts) == 2:
            return self._routine(Name(self.schema, parts[1]))
        if not parts:
            return self._root()
        if method not in METHODS:
            raise errors.unsupported_method(method)
        if method == "OPTIONS":
            return self._table_options(self._table(parts[0]))
        if method in ("GET", "HEAD"):
            return self._read(parts[0])
        return self._write(parts[0])

    # -- resources -------------------------------------------------------------------------------------------------

    def _read(self, resource: str) -> Planned:
        query = parse(self.request.query_string)
        rows = self.request.rows(query)
        table = self._table(resource)
        root = self.planner.read(table, query, rows)
        self._note(root)
        handler, kind = self._negotiate(table, root)
        head = self.request.method == "HEAD"
        output = Output(Handler("none") if head else handler, kind, self.preferences, self.configuration.max_rows)
        self._refuse_invalid_preferences()
        explain = render.count_plan(root) if self.preferences.count in ("planned", "estimated") else None
        context = self._context(kind, rows=rows, head=head)
        limit = self.configuration.max_rows

        def respond(result: Result) -> Response:
            return response.of_read(context, _estimated(result, context, limit), resource, query.canonical)

        check = partial(_check_single, kind) if kind.singular else None
        return self._planned(render.read(root, output), context, respond, read_only=True, explain=explain, check=check)

    def _write(self, resource: str) -> Planned:
        method = self.request.method
        query = parse(self.request.query_string)
        rows = self.request.rows(query)
        body = None if method == "DELETE" else self._payload(query.columns if method != "PUT" else None, call=False)
        table = self._table(resource)
        result_tree = self.planner.read_result(table, query, rows, of_call=False)
        self._note(result_tree)
        mutation = writing.plan(self.planner, method, table, query, body, self.preferences, result_tree)
        self._refuse_invalid_preferences()
        handler, kind = self._negotiate(table, result_tree)
        handler = handler if self.preferences.full else Handler("none")
        output = Output(handler, kind, self.preferences, None)
        context = self._context(kind)
        answers: dict[str, Callable[[Context, Result], Response]] = {
            "PUT": response.of_put,
            "PATCH": response.of_update,
            "DELETE": response.of_delete,
        }
        if isinstance(mutation, Insert) and method == "POST":
            resolves = bool(mutation.primary_key) or query.on_conflict is not None
            answers["POST"] = partial(response.of_insert, resource=resource, resolves=resolves)
        respond = partial(answers[method], context)
        check = self._check(kind, counted=method != "POST") if method != "PUT" else _check_put
        return self._planned(
            render.write(mutation, result_tree, output), context, respond, read_only=False, check=check
        )

    def _routine(self, name: Name) -> Planned | Response:
        method = self.request.method
        if method not in ("GET", "HEAD", "POST", "OPTIONS"):
            raise errors.wrong_rpc_method(method)
        by_query = method != "POST"
        query = parse(self.request.query_string, call=by_query)
        rows = self.request.rows(query)
        body = None if by_query else self._payload(query.columns, call=True)
        keys = {key for key, _ in query.arguments} if body is None else set(body.keys)
        routine = rpc.find(self.cache, name, keys, self.request.content_type, posted=not by_query)
        if method == "OPTIONS":
            return _allow("OPTIONS,POST" if routine.volatility == "v" else "OPTIONS,GET,HEAD,POST")
        tree = self.planner.read_result(routine.resource, query, rows, of_call=True)
        self._note(tree)
        call = rpc.plan(routine, query, body, tree)
        handler, kind = self._negotiate(routine.resource, tree)
        self._refuse_invalid_preferences()
        if self.preferences.max_affected is not None and self.preferences.strict and not routine.returns_set:
            raise errors.max_affected_needs_a_set()
        head = method == "HEAD"
        output = Output(Handler("none") if head else handler, kind, self.preferences, self.configuration.max_rows)
        settings = dict(routine.settings)
        isolation = settings.pop("default_transaction_isolation", None)
        context = self._context(kind, rows=rows, head=head)
        return self._planned(
            render.call(call, tree, output),
            context,
            partial(response.of_call, context, routine=routine),
            read_only=by_query or routine.volatility != "v",
            check=self._check(kind, counted=True),
            settings=tuple(settings.items()),
            isolation=isolation,
        )

    def _root(self) -> Planned | Response:
        method = self.request.method
        if self.configuration.openapi_mode == "disabled":
            raise errors.no_openapi()
        if self.configuration.root_spec is not None:
            return self._routine(Name(self.schema, self.configuration.root_spec.name))
        if method not in ("GET", "HEAD", "OPTIONS"):
            raise errors.unsupported_method(method)
        if method == "OPTIONS":
            return _allow("OPTIONS,GET,HEAD")
        wanted = media.accepted(self.request.header("accept"))
        if not any(each.kind in (media.OPENAPI, media.JSON, "*/*") for each in wanted):
            raise errors.no_such_media_type([str(each) for each in wanted])
        kind = MediaType(media.OPENAPI)
        statement = openapi.accessible(
            self.schema, follow_privileges=self.configuration.openapi_mode != "ignore-privileges"
        )
        context = self._context(kind)

        def respond(result: Result) -> Response:
            document = openapi.document(self.cache, self.schema, result.body, self.configuration, self._host())
            return Response(200, context.typed(), b"" if method == "HEAD" else document)

        return self._planned(statement, context, respond, read_only=True)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _table(self, resource: str) -> Name:
        name = Name(self.schema, resource)
        if name not in self.cache.tables:
            names = [table.name for table in self.cache.tables if table.schema == self.schema]
            few = names if len(names) < SUGGESTED_FROM else []
            raise errors.unknown_table(self.schema, resource, closest(resource, few, at_least=0.75))
        return name

    def _table_options(self, name: Name) -> Response:
        table = self.cache.tables[name]
        allowed = ["OPTIONS,GET,HEAD"]
        allowed += ["POST"] if table.insertable else []
        allowed += ["PUT"] if table.insertable and table.updatable and table.primary_key else []
        allowed += ["PATCH"] if table.updatable else []
        allowed += ["DELETE"] if table.deletable else []
        return _allow(",".join(allowed))

    def _payload(self, columns: tuple[str, ...] | None, *, call: bool) -> Payload:
        return self.body or payload.read(self.request.body, self.request.content_type, columns, call=call)

    def _negotiate(self, resource: Name, root: ReadNode) -> tuple[Handler, MediaType]:
        wanted = media.accepted(self.request.header("accept"))
        plans = self.configuration.plan_enabled
        return media.negotiate(self.cache, wanted, resource, default_select=root.has_default_select, plans=plans)

    def _context(self, kind: MediaType, *, rows: Range = ALL_ROWS, head: bool = False) -> Context:
        return Context(kind, self.preferences, rows, self.profile, head, self.configuration.verbose_errors)

    def _refuse_invalid_preferences(self) -> None:
        if self.preferences.invalid and self.preferences.strict:
            raise errors.invalid_preferences(list(self.preferences.invalid))

    def _note(self, root: ReadNode) -> None:
        self.warnings = reading.warnings(root)

    def _warning_headers(self) -> list[tuple[str, str]]:
        if not self.warnings:
            return []
        changes = ", ".join(f"`{name}` to `{alias}`" for name, alias in self.warnings)
        text = (
            "Embedded resource was referenced by relation name even though it has an alias. This is deprecated and "
            f"will stop working in a future release. Update {changes} in query string filters, orders or limits."
        )
        return [("Warning", f'299 PostgRESTv{openapi.VERSION} "{text}"')]

    def _host(self) -> str:
        return self.request.header("host") or "localhost"

    def _planned(
        self,
        statement: Statement,
        context: Context,
        respond: Callable[[Result], Response],
        *,
        read_only: bool,
        explain: Statement | None = None,
        check: Callable[[Result], None] | None = None,
        settings: tuple[tuple[str, str], ...] = (),
        isolation: str | None = None,
    ) -> Planned:
        is_plan = context.media.plan_of is not None
        respond = partial(response.of_plan, context) if is_plan else respond
        if warning := self._warning_headers():
            respond = partial(_warned, respond, warning)
        return Planned(
            self.schema, self.preferences, statement, respond, read_only, is_plan, explain, check, settings, isolation
        )

    def _check(self, kind: MediaType, *, counted: bool) -> Callable[[Result], None] | None:
        """What may object to a result of `kind`; `counted` is whether a limit of affected rows can be meant."""
        limit = self.preferences.max_affected if self.preferences.strict and counted else None
        return partial(_check_rows, kind, limit) if kind.singular or limit is not None else None


def _check_single(kind: MediaType, result: Result) -> None:
    if kind.singular and result.page_total != 1:
        raise errors.not_singular(result.page_total)


def _check_rows(kind: MediaType, limit: int | None, result: Result) -> None:
    _check_single(kind, result)
    if limit is not None and result.page_total > limit:
        raise errors.too_many_affected(result.page_total)


def _check_put(result: Result) -> None:
    if result.page_total != 1:
        raise errors.put_of_another_key()


def _estimated(result: Result, context: Context, limit: int | None) -> Result:
    """With few rows the exact count is the estimate."""
    if context.preferences.count == "estimated" and limit is not None and (result.total or 0) <= limit:
        return replace(result, planned_total=None)
    return result


def _warned(respond: Callable[[Result], Response], warning: list[tuple[str, str]], result: Result) -> Response:
    answer = respond(result)
    answer.headers += warning
    return answer


def _allow(methods: str) -> Response:
    return Response(200, [("Access-Control-Allow-Origin", "*"), ("Allow", methods)])
