"""Endpoints and their secrets through the API: who may, what is shown, what never."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jwt
import psycopg
import pytest
from chalicelib.http_adapter import answer_to
from chalicelib.kit import caller as callers
from chalicelib.kit import standard_webhooks
from chalicelib.kit.http import Request, Response, Route
from chalicelib.kit.safe_url import Policy, parse_allowed
from chalicelib.webhooks import egress, route
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route as Page

from infra.local import tokens
from infra.local.settings import Keys
from tests.people import Actor, act_as, connect, new_member, new_organization
from tests.serving import serve
from tests.webhooks.conftest import Desk
from tests.webhooks.receiver import Authority, Receiver, status


class Project:
    """Where the project publishes its keys, and who signs with them."""

    def __init__(self) -> None:
        self.keys = Keys.generate()
        self.fetched = 0

    def token(self, actor: Actor, keys: Keys | None = None, **claims: Any) -> str:
        told = {"aud": "authenticated", "exp": int(time.time()) + 600, **actor.claims, **claims}
        return tokens.sign(keys or self.keys, {name: value for name, value in told.items() if value is not None})

    def app(self) -> Starlette:
        async def jwks(_request: object) -> JSONResponse:
            self.fetched += 1
            return JSONResponse(tokens.public_keys(self.keys))

        return Starlette(routes=[Page("/auth/v1/.well-known/jwks.json", jwks)])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Project, str]]:
    project = Project()
    with serve(project.app()) as url:
        yield project, url


@pytest.fixture
def project(
    served: tuple[Project, str], desk: Desk, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    found, url = served
    monkeypatch.setenv("PGDESK_SUPABASE_URL", url)
    rules = Policy(authority.trusting(), parse_allowed("127.0.0.1"), lambda _host, _port: ["127.0.0.1"])
    monkeypatch.setattr(route, "policy", lambda: rules)
    yield found
    callers._published.cache_clear()


CREATE = Route("POST", "/webhooks/endpoints", route.create)
ROTATE = Route("POST", "/webhooks/endpoints/{endpoint_id}/rotate", route.rotate)


def call(to: Route, token: str | None, body: Any = None, **parameters: str) -> Response:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return answer_to(to, Request("POST", to.path, {}, headers, json.dumps(body).encode(), parameters))


def said(answer: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_an_admin_makes_an_endpoint_and_sees_its_secret_once(desk: Desk, project: Project, receiver: Receiver) -> None:
    token = project.token(desk.members["admin"])
    wanted = {
        "organization_id": str(desk.organization),
        "url": receiver.url,
        "description": "Our warehouse",
        "event_types": ["contact.*"],
        "has_data": True,
    }
    answer = call(CREATE, token, wanted)
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    made = said(answer)
    assert {name: made[name] for name in wanted} == wanted
    assert len(standard_webhooks.key_bytes(made["secret"])) == 32
    (row,) = desk.as_member("admin", "select * from public.webhook_endpoints where id = %s", made["id"])
    assert row["created_by"] == desk.members["admin"].user_id
    assert made["secret"] not in json.dumps(row, default=str)
    desk.happens()
    desk.deliver()
    (request,) = receiver.requests
    Webhook(made["secret"]).verify(request.body, request.headers)
    audit = desk.one("select actor_id, action from public.audit_log where table_name = 'webhook_endpoints'")
    assert audit == {"actor_id": desk.members["admin"].user_id, "action": "insert"}


def test_for_24_hours_after_a_rotation_both_secrets_sign(desk: Desk, project: Project, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    answer = call(ROTATE, project.token(desk.members["admin"]), endpoint_id=f"whe_{endpoint.id.hex}")
    assert answer.status == 200
    fresh = said(answer)["secret"]
    desk.happens()
    desk.deliver()
    desk.db.execute(
        "update private.webhook_secrets set expires_at = now() - interval '1 s' where expires_at is not null"
    )
    desk.happens()
    desk.deliver()
    both, after = receiver.requests
    for secret in (endpoint.secret, fresh):
        Webhook(secret).verify(both.body, both.headers)
    Webhook(fresh).verify(after.body, after.headers)
    with pytest.raises(standard_webhooks.BadSignature):
        standard_webhooks.verify([endpoint.secret], after.headers, after.body)
    # The next rotation clears away what has ended.
    assert call(ROTATE, project.token(desk.members["admin"]), endpoint_id=str(endpoint.id)).status == 200
    assert desk.one("select count(*) as n from private.webhook_secrets")["n"] == 2


def test_who_is_no_admin_makes_and_rotates_nothing(desk: Desk, project: Project, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    with connect(desk.settings, "supabase_admin") as people:
        stranger = new_member(people, new_organization(people, "other"), "owner")
    wanted = {"organization_id": str(desk.organization), "url": receiver.url}
    for who in (desk.members["viewer"], desk.members["agent"], stranger, Actor("authenticated", uuid4())):
        token = project.token(who)
        assert call(CREATE, token, wanted).status == 403
        refused = call(ROTATE, token, endpoint_id=str(endpoint.id))
        assert (refused.status, said(refused)["code"]) == (404, "unknown_endpoint")
    assert call(CREATE, project.token(desk.members["admin"]), {**wanted, "organization_id": str(uuid4())}).status == 403
    assert desk.one("select count(*) as n from public.webhook_endpoints")["n"] == 1
    assert desk.one("select count(*) as n from private.webhook_secrets")["n"] == 1


def test_a_token_that_is_not_good_opens_nothing(desk: Desk, project: Project, receiver: Receiver) -> None:
    admin = desk.members["admin"]
    wanted = {"organization_id": str(desk.organization), "url": receiver.url}
    stolen = Keys.generate()
    stolen.signing_key["kid"] = project.keys.signing_key["kid"]
    public = jwt.PyJWK(tokens.public_keys(project.keys)["keys"][0])
    pem = public.key.public_bytes(*_pem())
    confused = _hs256(pem, {"kid": project.keys.signing_key["kid"]}, {**admin.claims, "aud": "authenticated"})
    for token, code in {
        None: "unauthorized",
        "": "unauthorized",
        "nonsense": "unauthorized",
        project.token(admin, exp=int(time.time()) - 60): "token_expired",
        project.token(admin, exp=None): "unauthorized",
        project.token(admin, aud="other"): "unauthorized",
        project.token(admin, sub="not a uuid"): "unauthorized",
        project.token(admin, sub=None): "unauthorized",
        project.token(admin, role=None): "unauthorized",
        project.token(admin, keys=stolen): "unauthorized",
        project.token(admin, keys=Keys.generate()): "unauthorized",
        tokens.sign_shared(project.keys, {**admin.claims, "aud": "authenticated"}): "unauthorized",
        confused: "unauthorized",
        jwt.encode({**admin.claims, "aud": "authenticated"}, "", algorithm="none"): "unauthorized",
    }.items():
        for to in (CREATE, ROTATE):
            answer = call(to, token, wanted, endpoint_id=str(uuid4()))
            assert (answer.status, said(answer)["code"]) == (401, code), token


def _pem() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def _hs256(key: bytes, header: dict[str, str], claims: dict[str, Any]) -> str:
    """A token signed with the public key as if it were a shared secret, which PyJWT would refuse to make."""
    import base64
    import hmac

    parts = [{"alg": "HS256", "typ": "JWT", **header}, {**claims, "exp": int(time.time()) + 600}]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(key, text, "sha256")).rstrip(b"=")
    return (text + b"." + mac).decode()


def test_forged_tokens_do_not_make_us_fetch_keys_again_and_again(desk: Desk, project: Project) -> None:
    call(CREATE, project.token(desk.members["admin"]), {})
    before = project.fetched
    for _ in range(5):
        assert call(CREATE, project.token(desk.members["admin"], keys=Keys.generate()), {}).status == 401
    assert project.fetched - before <= 1


def test_keys_that_cannot_be_had_are_a_503(desk: Desk, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.kit.settings import settings

    monkeypatch.setenv("PGDESK_SUPABASE_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    answer = call(CREATE, project.token(desk.members["admin"]), {})
    assert (answer.status, said(answer)["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"url": None}, "url"),
        ({"url": ""}, "url"),
        ({"organization_id": "x"}, "organization_id"),
        ({"event_types": ["*.created"]}, "event_types.0"),
        ({"event_types": []}, "event_types"),
        ({"is_ordered": "perhaps"}, "is_ordered"),
        ({"secret": "whsec_mine"}, "secret"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    change: dict[str, Any], names: str, desk: Desk, project: Project
) -> None:
    wanted = {"organization_id": str(desk.organization), "url": "https://hooks.test/", **change}
    answer = call(CREATE, project.token(desk.members["admin"]), wanted)
    assert (answer.status, said(answer)["code"]) == (400, "bad_request")
    assert said(answer)["message"].startswith(f"{names}: ")


@pytest.mark.parametrize(
    "url",
    ["ftp://hooks.test/", "https://user@hooks.test/", "https://10.0.0.1/", "http://1.1.1.1/", "https://1.1.1.1:22/"],
)
def test_a_url_where_webhooks_do_not_go_is_refused_at_once(url: str, desk: Desk, project: Project) -> None:
    token = project.token(desk.members["admin"])
    answer = call(CREATE, token, {"organization_id": str(desk.organization), "url": url})
    assert (answer.status, said(answer)["code"]) == (422, "url_refused")
    assert desk.one("select count(*) as n from public.webhook_endpoints")["n"] == 0


def test_an_organization_has_at_most_50_endpoints(desk: Desk, project: Project, receiver: Receiver) -> None:
    desk.db.execute(
        "insert into public.webhook_endpoints (organization_id, url)"
        " select %s, 'https://hooks.test/' from generate_series(1, 50)",
        [desk.organization],
    )
    token = project.token(desk.members["admin"])
    answer = call(CREATE, token, {"organization_id": str(desk.organization), "url": receiver.url})
    assert (answer.status, said(answer)["code"]) == (409, "too_many_endpoints")


def test_the_settings_say_what_may_be_called(
    desk: Desk, authority: Authority, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.kit.settings import SettingsError, settings

    def set_to(allow: str, ca: str) -> None:
        monkeypatch.setenv("PGDESK_WEBHOOK_ALLOW", allow)
        monkeypatch.setenv("PGDESK_WEBHOOK_CA", ca)
        settings.cache_clear()
        egress.policy.cache_clear()

    try:
        set_to(f"127.0.0.1:{receiver.port}", str(authority.ca))
        from chalicelib.kit.safe_http import Session
        from chalicelib.kit.safe_url import parse

        with Session(parse(f"https://127.0.0.1:{receiver.port}/"), egress.policy(), 5) as session:
            assert session.post({}, b"{}").status == 200
        set_to("10.0.0.0/99", "")
        with pytest.raises(SettingsError, match="PGDESK_WEBHOOK_ALLOW"):
            egress.policy()
        set_to("", "/nowhere.pem")
        with pytest.raises(SettingsError, match="PGDESK_WEBHOOK_CA"):
            egress.policy()
    finally:
        egress.policy.cache_clear()


def test_an_admin_disables_and_enables_by_rest_and_gives_no_reasons(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    change = "update public.webhook_endpoints set disabled_at = %s where id = %s returning disabled_because"
    (row,) = desk.as_member("admin", change, "2001-01-01T00:00:00Z", endpoint.id)
    assert row["disabled_because"] == "a member disabled it"
    assert desk.one("select disabled_at > now() - interval '1 minute' as now from public.webhook_endpoints")["now"]
    desk.happens()
    assert desk.deliveries() == []
    (row,) = desk.as_member("admin", change, None, endpoint.id)
    assert row["disabled_because"] is None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        desk.as_member("admin", "update public.webhook_endpoints set disabled_because = 'x'")


def test_one_a_range_and_all_that_failed_are_replayed(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    desk.happens(4)
    receiver.script = [status(200), status(200), status(200), status(410)]
    desk.deliver()
    desk.as_member("admin", "update public.webhook_endpoints set disabled_at = null")
    ids = [row["id"] for row in desk.deliveries()]
    assert sorted(desk.states()) == ["delivered"] * 3 + ["failed"]

    def replay(call: str, *parameters: Any) -> Any:
        before = len(receiver.requests)
        (row,) = desk.as_member("admin", f"select public.{call} as said", *parameters)
        desk.deliver()
        assert set(desk.states()) == {"delivered"}
        return row["said"], receiver.ids[before:]

    count, told = replay("replay_failed_webhooks(%s)", endpoint.id)
    assert (count, len(told)) == (1, 1)
    _, told = replay("replay_webhook(%s)", ids[0])
    assert told == [f"whd_{ids[0].hex}"], "the id under which it was told before"
    desk.db.execute(
        "update public.webhook_deliveries set created_at = now() - interval '2 hours' where id = %s", [ids[1]]
    )
    count, told = replay("replay_webhooks(%s, now() - interval '3 hours', now() - interval '1 hour')", endpoint.id)
    assert (count, told) == (1, [f"whd_{ids[1].hex}"])
    count, told = replay("replay_webhooks(%s, now() - interval '3 hours')", endpoint.id)
    assert (count, len(set(told))) == (4, 4)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        replay("replay_webhooks(%s, now(), now() - interval '1 hour')", endpoint.id)


def test_a_test_event_is_sent(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url, event_types=["ticket.*"])
    (row,) = desk.as_member("admin", "select public.send_test_webhook(%s) as id", endpoint.id)
    desk.deliver()
    (request,) = receiver.requests
    told = Webhook(endpoint.secret).verify(request.body, request.headers)
    assert told["type"] == "webhook.test"
    assert told["data"]["endpoint_id"] == f"whe_{endpoint.id.hex}"
    (log,) = desk.as_member(
        "admin", "select status, response from public.webhook_attempts where delivery_id = %s", row["id"]
    )
    assert log["status"] == 200
    desk.as_member("admin", "update public.webhook_endpoints set disabled_at = now()")
    with pytest.raises(psycopg.Error, match="the endpoint is disabled: a member disabled it"):
        desk.as_member("admin", "select public.send_test_webhook(%s)", endpoint.id)


def test_nobody_else_reads_replays_or_tests(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    desk.happens()
    desk.deliver()
    delivery = desk.deliveries()[0]["id"]
    with connect(desk.settings, "supabase_admin") as people:
        stranger = new_member(people, new_organization(people, "other"), "owner")
    outsiders = [desk.members["agent"], desk.members["viewer"], stranger, Actor("anon")]
    calls = (
        "select public.replay_webhook(%(delivery)s)",
        "select public.send_test_webhook(%(endpoint)s)",
        "select 1 / public.replay_webhooks(%(endpoint)s, '2000-01-01')",
        "select 1 / public.replay_failed_webhooks(%(endpoint)s)",
        "select 1 / count(*) from public.webhook_deliveries",
        "select 1 / count(*) from public.webhook_attempts",
        "select 1 / count(*) from public.webhook_health",
        "select 1 / count(*) from public.webhook_endpoints",
        "select * from private.webhook_secrets",
        "select * from private.data_keys",
    )
    with connect(desk.settings, "authenticator") as session:
        for who in outsiders:
            for call in calls:
                with session.transaction(force_rollback=True):
                    act_as(session, who)
                    with pytest.raises(psycopg.Error, match=r"permission denied|that you administer|division by zero"):
                        session.execute(call, {"delivery": delivery, "endpoint": endpoint.id})
    assert desk.states() == ["delivered"]


def test_functions_cannot_take_the_endpoint_of_another_tenant(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.endpoint(receiver.url)
    desk.happens()
    with connect(desk.settings, "supabase_admin") as people:
        other = new_organization(people, "other")
    with connect(desk.settings, "pgdesk_functions") as functions, functions.transaction():
        functions.execute("select set_config('app.organization_id', %s, true)", [str(other)])
        values = [endpoint.id, uuid4()]
        assert functions.execute("select * from private.begin_webhooks(%s, %s)", values).fetchall() == []
        assert functions.execute("select * from private.claim_webhooks(%s, %s, '{}', 5)", values).fetchall() == []
        assert functions.execute("select * from private.webhook_secrets").fetchall() == []
        with pytest.raises(psycopg.errors.Error, match="no longer held"), functions.transaction():
            functions.execute("select private.record_webhooks(%s, %s, '[]', true)", values)


def test_ids_have_prefixes_and_come_back(desk: Desk) -> None:
    ticket = uuid4()
    (row,) = desk.as_member("viewer", "select public.typed_id('ticket', %s) as typed", ticket)
    assert row["typed"] == f"tkt_{ticket.hex}"
    (row,) = desk.as_member("viewer", "select public.uuid_of(%s) as id", row["typed"])
    assert row["id"] == ticket
    for wrong in ("", "tkt_", str(ticket), f"TKT_{ticket.hex}", f"tkt_{ticket.hex}0", f"tkt_{ticket.hex}\n"):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            desk.as_member("viewer", "select public.uuid_of(%s)", wrong)


def test_every_id_that_an_event_may_hold_has_a_prefix(desk: Desk) -> None:
    bare = desk.all(
        "select distinct noun from ("
        " select subject as noun from private.event_types"
        " union all select left(key, -3) from private.event_types, json_object_keys(properties) as key"
        " where right(key, 3) = '_id'"
        ") as nouns where private.id_prefix(noun) is null"
    )
    assert bare == []
