"""A request against one state of the schema: plan it, or find its plan, do it, answer it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from psycopg_pool import AsyncConnectionPool

from infra.local.rest import shapes
from infra.local.rest.auth import Caller
from infra.local.rest.catalog import Snapshot
from infra.local.rest.database import Work, perform
from infra.local.rest.errors import ApiError
from infra.local.rest.flight import Connection
from infra.local.rest.planning import Planned, Planning
from infra.local.rest.render import Statement
from infra.local.rest.request import Request
from infra.local.rest.response import Response
from infra.local.rest.shapes import MARK, Key
from infra.local.rest.sql import identifier, qualified
from infra.local.rest.timing import Timing

Pool = AsyncConnectionPool[Connection]
KEPT_PLANS = 500
Values = dict[str, str]


@dataclass(frozen=True)
class Engine:
    """Answers requests. It lives as long as the snapshot of the schema it was made with, and its plans with it."""

    snapshot: Snapshot
    pool: Pool
    plans: OrderedDict[Key, Planned] = field(default_factory=OrderedDict, compare=False)

    async def answer(self, request: Request, caller: Caller, timing: Timing | None = None) -> Response:
        """The answer. Raises ApiError, or psycopg.Error for what the database refuses."""
        planned, values = self._plan(request, timing)
        if isinstance(planned, Planned):
            result = await perform(self.pool, self._work(planned, values, request, caller))
            if timing is not None:
                timing.lap("transaction")
            answer = planned.respond(result)
            answer.headers = [(name, _filled(value, values)) for name, value in answer.headers]
        else:
            answer = planned
        if timing is not None:
            timing.lap("response")
            answer.headers.append(timing.header())
        return answer

    def _plan(self, request: Request, timing: Timing | None) -> tuple[Planned | Response, Values]:
        """The plan of the request's shape and the values that belong into it; or one for this request alone."""
        shape = shapes.of(request)
        if timing is not None:
            timing.lap("parse")
        if shape is not None:
            planned = self.plans.get(shape.key)
            if planned is not None:
                self.plans.move_to_end(shape.key)
                return planned, shape.values
            try:
                made = Planning(self.snapshot, shape.request, shape.body).plan()
            except ApiError:
                made = None  # told again below, with the request's own words
            if isinstance(made, Planned) and _takes(made, shape.values):
                self.plans[shape.key] = made
                if len(self.plans) > KEPT_PLANS:
                    self.plans.popitem(last=False)
                return made, shape.values
        planned_alone = Planning(self.snapshot, request).plan()
        if timing is not None:
            timing.lap("plan")
        return planned_alone, {}

    def _work(self, planned: Planned, values: Values, request: Request, caller: Caller) -> Work:
        configuration, preferences = self.snapshot.configuration, planned.preferences
        of_role = dict(self.snapshot.role_settings.get(caller.role, {}))
        isolation = planned.isolation or of_role.pop("default_transaction_isolation", None) or "read committed"
        rolled_back = preferences.transaction == "rollback" or (
            configuration.rolls_back and preferences.transaction != "commit"
        )
        searched = (planned.schema, *configuration.extra_search_path)
        settings = [("search_path", ", ".join(map(identifier, searched))), *of_role.items()]
        settings += [
            ("role", caller.role),
            ("request.jwt.claims", caller.claims),
            ("request.method", request.method),
            ("request.path", request.path),
            ("request.headers", request.headers_json()),
            ("request.cookies", request.cookies_json()),
        ]
        if preferences.timezone is not None:
            settings.append(("timezone", preferences.timezone))
        settings += planned.settings
        pre_request = configuration.pre_request
        return Work(
            role=caller.role,
            settings=settings,
            statement=_bound(planned.statement, values),
            read_only=planned.read_only,
            pre_request=f"SELECT {qualified(pre_request)}()" if pre_request else None,
            explain=_bound(planned.explain, values) if planned.explain else None,
            isolation=_isolation(isolation),
            keep=not rolled_back,
            check=planned.check,
            is_plan=planned.is_plan,
            prepare=configuration.prepares,
        )


def _takes(planned: Planned, values: Values) -> bool:
    """Whether every mark is a parameter of the statement, whole, and stands nowhere else."""
    statements = [planned.statement, *([planned.explain] if planned.explain else [])]
    for statement in statements:
        if MARK in statement.text or any(_holds(each) and each not in values for each in statement.parameters):
            return False
    return all(mark in planned.statement.parameters for mark in values)


def _holds(parameter: str | bytes) -> bool:
    return MARK in (parameter if isinstance(parameter, str) else parameter.decode("latin-1"))


def _bound(statement: Statement, values: Values) -> Statement:
    if not values:
        return statement
    given = tuple([values.get(each, each) if isinstance(each, str) else each for each in statement.parameters])
    return replace(statement, parameters=given)


def _filled(text: str, values: Values) -> str:
    if MARK in text:
        for mark in reversed(values):  # a higher number may begin with a lower one
            text = text.replace(mark, values[mark])
    return text


def _isolation(name: str) -> str:
    known = name.upper()
    return known if known in ("REPEATABLE READ", "SERIALIZABLE") else "READ COMMITTED"
