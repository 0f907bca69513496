"""A request against one state of the schema: plan it, do it, answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from psycopg_pool import AsyncConnectionPool

from infra.local.rest import errors, media, openapi, payload, prefer, reading, render, response, rpc, writing
from infra.local.rest.auth import Caller
from infra.local.rest.catalog import Snapshot
from infra.local.rest.database import Result, Work, perform
from infra.local.rest.flight import Connection
from infra.local.rest.fuzzy import closest
from infra.local.rest.grammar import parse
from infra.local.rest.grammar.ast import ALL_ROWS, Range
from infra.local.rest.media import Handler, MediaType
from infra.local.rest.payload import Payload
from infra.local.rest.plan import Insert, ReadNode
from infra.local.rest.reading import Planner
from infra.local.rest.render import Output, Statement
from infra.local.rest.request import Request
from infra.local.rest.response import Context, Response
from infra.local.rest.schema import Name
from infra.local.rest.sql import identifier, qualified
from infra.local.rest.timing import Timing

Pool = AsyncConnectionPool[Connection]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SUGGESTED_FROM = 500  # tables; with more, none is suggested for an unknown one


@dataclass(frozen=True)
class Engine:
    """Answers requests. It lives as long as the snapshot of the schema it was made with."""

    snapshot: Snapshot
    pool: Pool

    async def answer(self, request: Request, caller: Caller, timing: Timing | None = None) -> Response:
        """The answer. Raises ApiError, or psycopg.Error for what the database refuses."""
        return await _Exchange(self, request, caller, timing).answer()


class _Exchange:
    """One request on its way."""

    def __init__(self, engine: Engine, request: Request, caller: Caller, timing: Timing | None) -> None:
        self.engine = engine
        self.request = request
        self.caller = caller
        self.configuration = engine.snapshot.configuration
        self.cache = engine.snapshot.cache
        preferred = [value for name, value in request.headers if name == "prefer"]
        self.preferences = prefer.parse(preferred, may_choose_transaction=self.configuration.may_override_transaction)
        self.schema = ""
        self.profile: str | None = None
        self.planner = Planner(self.cache, self.configuration, "")
        self.warnings: list[tuple[str, str]] = []
        self.timing = timing

    async def answer(self) -> Response:
        parts = self.request.segments
        if len(parts) > 2 or (len(parts) == 2 and parts[0] != "rpc"):
            raise errors.invalid_path()
        self.schema, negotiated = self.request.schema(self.configuration.schemas)
        self.profile = self.schema if negotiated else None
        self.planner = Planner(self.cache, self.configuration, self.schema)
        method = self.request.method
        if len(parts) == 2:
            answer = await self._routine(Name(self.schema, parts[1]))
        elif not parts:
            answer = await self._root()
        elif method not in METHODS:
            raise errors.unsupported_method(method)
        elif method == "OPTIONS":
            answer = self._table_options(self._table(parts[0]))
        elif method in ("GET", "HEAD"):
            answer = await self._read(parts[0])
        else:
            answer = await self._write(parts[0])
        answer.headers += self._warning_headers()
        if self.timing is not None:
            self.timing.lap("response")
            answer.headers.append(self.timing.header())
        return answer

    # -- resources -------------------------------------------------------------------------------------------------

    async def _read(self, resource: str) -> Response:
        query = parse(self.request.query_string)
        rows = self.request.rows(query)
        self._lap("parse")
        table = self._table(resource)
        root = self.planner.read(table, query, rows)
        self._note(root)
        handler, kind = self._negotiate(table, root)
        head = self.request.method == "HEAD"
        output = Output(Handler("none") if head else handler, kind, self.preferences, self.configuration.max_rows)
        self._refuse_invalid_preferences()
        explain = render.count_plan(root) if self.preferences.count in ("planned", "estimated") else None
        result = await self._perform(
            render.read(root, output), kind, read_only=True, explain=explain, check=partial(self._check_single, kind)
        )
        context = self._context(kind, rows=rows, head=head)
        if kind.plan_of is not None:
            return response.of_plan(context, result)
        return response.of_read(context, self._estimated(result), resource, query.canonical)

    async def _write(self, resource: str) -> Response:
        method = self.request.method
        query = parse(self.request.query_string)
        rows = self.request.rows(query)
        body = None if method == "DELETE" else self._payload(query.columns if method != "PUT" else None, call=False)
        self._lap("parse")
        table = self._table(resource)
        result_tree = self.planner.read_result(table, query, rows, of_call=False)
        self._note(result_tree)
        mutation = writing.plan(self.planner, method, table, query, body, self.preferences, result_tree)
        self._refuse_invalid_preferences()
        handler, kind = self._negotiate(table, result_tree)
        handler = handler if self.preferences.full else Handler("none")
        output = Output(handler, kind, self.preferences, None)
        check = partial(self._check_write, method, kind)
        result = await self._perform(render.write(mutation, result_tree, output), kind, read_only=False, check=check)
        context = self._context(kind)
        if kind.plan_of is not None:
            return response.of_plan(context, result)
        if isinstance(mutation, Insert) and method == "POST":
            resolves = bool(mutation.primary_key) or query.on_conflict is not None
            return response.of_insert(context, result, resource, resolves=resolves)
        answers: dict[str, Callable[[Context, Result], Response]] = {
            "PUT": response.of_put,
            "PATCH": response.of_update,
            "DELETE": response.of_delete,
        }
        return answers[method](context, result)

    async def _routine(self, name: Name) -> Response:
        method = self.request.method
        if method not in ("GET", "HEAD", "POST", "OPTIONS"):
            raise errors.wrong_rpc_method(method)
        by_query = method != "POST"
        query = parse(self.request.query_string, call=by_query)
        rows = self.request.rows(query)
        body = None if by_query else self._payload(query.columns, call=True)
        keys = {key for key, _ in query.arguments} if body is None else set(body.keys)
        self._lap("parse")
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
        result = await self._perform(
            render.call(call, tree, output),
            kind,
            read_only=by_query or routine.volatility != "v",
            check=partial(self._check_call, kind),
            settings=list(settings.items()),
            isolation=isolation,
        )
        context = self._context(kind, rows=rows, head=head)
        if kind.plan_of is not None:
            return response.of_plan(context, result)
        return response.of_call(context, result, routine)

    async def _root(self) -> Response:
        method = self.request.method
        if self.configuration.openapi_mode == "disabled":
            raise errors.no_openapi()
        if self.configuration.root_spec is not None:
            return await self._routine(Name(self.schema, self.configuration.root_spec.name))
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
        result = await self._perform(statement, kind, read_only=True)
        document = openapi.document(self.cache, self.schema, result.body, self.configuration, self._host())
        body = b"" if method == "HEAD" else document
        return Response(200, self._context(kind).typed(), body)

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
        return payload.read(self.request.body, self.request.content_type, columns, call=call)

    def _negotiate(self, resource: Name, root: ReadNode) -> tuple[Handler, MediaType]:
        wanted = media.accepted(self.request.header("accept"))
        plans = self.configuration.plan_enabled
        return media.negotiate(self.cache, wanted, resource, default_select=root.has_default_select, plans=plans)

    def _context(self, kind: MediaType, *, rows: Range = ALL_ROWS, head: bool = False) -> Context:
        return Context(kind, self.preferences, rows, self.profile, head)

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
        return [("Warning", f'299 PostgREST "{text}"')]

    def _host(self) -> str:
        return self.request.header("host") or "localhost"

    def _estimated(self, result: Result) -> Result:
        """With few rows the exact count is the estimate."""
        limit = self.configuration.max_rows
        if self.preferences.count == "estimated" and limit is not None and (result.total or 0) <= limit:
            return replace(result, planned_total=None)
        return result

    # -- the transaction -------------------------------------------------------------------------------------------

    async def _perform(
        self,
        statement: Statement,
        kind: MediaType,
        *,
        read_only: bool,
        explain: Statement | None = None,
        check: Callable[[Result], None] | None = None,
        settings: list[tuple[str, str]] | None = None,
        isolation: str | None = None,
    ) -> Result:
        role_settings = dict(self.engine.snapshot.role_settings.get(self.caller.role, {}))
        isolation = isolation or role_settings.pop("default_transaction_isolation", None) or "read committed"
        rolled_back = self.preferences.transaction == "rollback" or (
            self.configuration.rolls_back and self.preferences.transaction != "commit"
        )
        pre_request = self.configuration.pre_request
        work = Work(
            role=self.caller.role,
            settings=self._settings(role_settings, settings or []),
            statement=statement,
            read_only=read_only,
            pre_request=f"SELECT {qualified(pre_request)}()" if pre_request else None,
            explain=explain,
            isolation=_isolation(isolation),
            keep=not rolled_back,
            check=check,
            is_plan=kind.plan_of is not None,
            prepare=self.configuration.prepares,
        )
        self._lap("plan")
        result = await perform(self.engine.pool, work)
        self._lap("transaction")
        return result

    def _lap(self, step: str) -> None:
        if self.timing is not None:
            self.timing.lap(step)

    def _settings(
        self, role_settings: dict[str, str], function_settings: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        searched = (self.schema, *self.configuration.extra_search_path)
        settings = [("search_path", ", ".join(map(identifier, searched)))]
        settings += role_settings.items()
        settings += [
            ("role", self.caller.role),
            ("request.jwt.claims", self.caller.claims),
            ("request.method", self.request.method),
            ("request.path", self.request.path),
            ("request.headers", self.request.headers_json()),
            ("request.cookies", self.request.cookies_json()),
        ]
        if self.preferences.timezone is not None:
            settings.append(("timezone", self.preferences.timezone))
        return settings + function_settings

    def _check_single(self, kind: MediaType, result: Result) -> None:
        if kind.singular and result.page_total != 1:
            raise errors.not_singular(result.page_total)

    def _check_affected(self, result: Result) -> None:
        allowed = self.preferences.max_affected
        if allowed is not None and self.preferences.strict and result.page_total > allowed:
            raise errors.too_many_affected(result.page_total)

    def _check_write(self, method: str, kind: MediaType, result: Result) -> None:
        if method == "PUT":
            if result.page_total != 1:
                raise errors.put_of_another_key()
            return
        self._check_single(kind, result)
        if method != "POST":
            self._check_affected(result)

    def _check_call(self, kind: MediaType, result: Result) -> None:
        self._check_single(kind, result)
        self._check_affected(result)


def _allow(methods: str) -> Response:
    return Response(200, [("Access-Control-Allow-Origin", "*"), ("Allow", methods)])


def _isolation(name: str) -> str:
    known = name.upper()
    return known if known in ("REPEATABLE READ", "SERIALIZABLE") else "READ COMMITTED"
