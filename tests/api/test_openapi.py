"""The functions answer as docs/openapi.json says: with good requests and bad ones, with credentials and without."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import requests
import schemathesis
from chalicelib.kit.http import Route
from hypothesis import HealthCheck
from hypothesis import settings as sizes
from openapi_spec_validator import validate
from schemathesis.specs.openapi.checks import unsupported_method

from infra.local.rest import errors
from pgdesk import openapi
from pgdesk.documents import DOCS
from pgdesk.environment import ROOT
from tests.api.conftest import Api, Sign

Case = schemathesis.Case[Any]
FULL = os.environ.get("FULL") == "1"
EXAMPLES = 100 if FULL else 15
DOCUMENT = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    """For requests that we sign: or credentials would be left out and made up as any other parameter."""
    paths = {
        path: {method: operation | {"security": []} for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return document | {"paths": paths}


described = schemathesis.openapi.from_dict(DOCUMENT)
signed = schemathesis.openapi.from_dict(without_security(DOCUMENT))
some = sizes(
    max_examples=EXAMPLES, deadline=None, derandomize=not FULL, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@schemathesis.serializer("message/rfc822")
def as_mail(context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A body of whatever was generated: mail may be any bytes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.check
def errors_have_one_shape(ctx: Any, response: schemathesis.Response, case: Case) -> None:
    """Also of requests that no route is for, which API Gateway answers."""
    if response.status_code >= 400:
        assert is_error(response.json()), f"{response.status_code}: {response.text}"


def is_error(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and told.keys() == {"code", "message", "hint"}
        and isinstance(told["code"], str)
        and isinstance(told["message"], str)
        and isinstance(told["hint"], str | None)
    )


def check(api: Api, case: Case, sign: Sign | None) -> schemathesis.Response:
    return case.call_and_validate(
        api.url,
        auth=Signed(sign) if sign else None,
        additional_checks=[errors_have_one_shape],
        # API Gateway answers 403 to a method that a path does not have, not 405.
        excluded_checks=[unsupported_method],
    )


@signed.parametrize()
@some
def test_a_caller_with_credentials_is_answered_as_documented(case: Case, api: Api) -> None:
    check(api, case, credentials(api, case))


@described.parametrize()
@some
def test_a_caller_without_credentials_is_answered_as_documented(case: Case, api: Api) -> None:
    answer = check(api, case, None)
    # A browser asks beforehand, without credentials, whether a page may ask at all.
    if case.method != "OPTIONS" and {} not in case.operation.definition.raw["security"]:
        assert answer.status_code >= 400


def credentials(api: Api, case: Case) -> Sign | None:
    """Good ones for the first scheme that the route takes."""
    for scheme in DOCUMENT["paths"][case.operation.path][case.operation.method.lower()]["security"]:
        for name in scheme:
            return api.credentials[name]
    return None


class Signed(requests.auth.AuthBase):
    """Signs what is sent, after the body has been put together."""

    def __init__(self, sign: Sign) -> None:
        self._sign = sign

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._sign(request)
        return request


@pytest.mark.parametrize("path", ["/nowhere", "/health/deep", ""])
def test_no_route_has_the_shape_of_every_error(api: Api, path: str) -> None:
    answer = requests.get(api.url + path, timeout=5)
    assert (answer.status_code, is_error(answer.json())) == (403, True)


def test_the_document_is_openapi() -> None:
    validate(openapi.document())


def test_a_route_without_documentation_is_named() -> None:
    def quiet(request: Any) -> Any: ...

    for route, missing in (
        (Route("GET", "/secret", openapi.routes()[0].handler), "Docs"),
        (Route("GET", "/secret", quiet, docs=openapi.routes()[0].docs), "a docstring"),
    ):
        with pytest.raises(ValueError, match=f"GET /secret has no documentation: give its route {missing}"):
            openapi.operation(route)


def test_every_error_is_described_with_its_shape_and_codes() -> None:
    document = openapi.document()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    (shape, *_) = schema.get("allOf", [schema])
                    assert shape == {"$ref": "#/components/schemas/Error"}, f"{method} {path} {status}"


def test_every_security_scheme_is_there(api: Api) -> None:
    document = openapi.document()
    named = {
        name
        for methods in document["paths"].values()
        for operation in methods.values()
        for scheme in operation["security"]
        for name in scheme
    }
    assert named == set(openapi.SECURITY)


def test_loading_the_functions_makes_no_schema_of_a_model() -> None:
    """That would cost every cold start; models become schemas only when the document is made."""
    program = (
        "import pydantic\n"
        "pydantic.BaseModel.model_json_schema = None\n"
        "import app\n"
        "print(sum(isinstance(route.docs.body, type) for route in app.ROUTES))"
    )
    environment = {"PGDESK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "functions",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_no_function_of_the_database_refuses_with_a_server_error(api: Api) -> None:
    """PostgREST makes a status of the SQLSTATE: of one of PL/pgSQL's own (P0002) it would be 500."""
    refusals = api.db.execute(
        "select p.proname as name, codes[1] as code from pg_proc as p,"
        " regexp_matches(p.prosrc, 'errcode = ''(\\w{5})''', 'g') as codes"
        " where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
        " and has_function_privilege('authenticated', p.oid, 'execute')"
    ).fetchall()
    assert refusals
    told = [(each["name"], each["code"], errors._status(each["code"], "", authenticated=True)) for each in refusals]
    assert [each for each in told if each[2] >= 500] == []


def test_what_the_page_on_the_api_shows_is_there(api: Api) -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"\$API(/[\w/-]+)", page))
    assert len(shown) > 5
    for path in shown:
        if route := path.partition("/functions/v1")[2]:
            assert route in DOCUMENT["paths"]
        elif name := path.partition("/rest/v1/rpc/")[2]:
            assert api.db.execute("select from pg_proc where proname = %s", [name]).rowcount
        elif table := path.partition("/rest/v1/")[2]:
            assert api.db.execute("select to_regclass('public.' || %s)", [table]).fetchone() != {"to_regclass": None}
        else:
            assert path == "/auth/v1/token"


def test_what_takes_a_users_token_can_be_called_by_a_page_with_supabases_client(api: Api) -> None:
    sent = {"authorization", "apikey", "content-type", "x-client-info"}
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if {"accessToken": []} in operation["security"]:
                asking = {"Origin": "https://desk.example", "Access-Control-Request-Method": method.upper()}
                allowed = requests.options(api.url + re.sub(r"\{.*?\}", "x", path), headers=asking, timeout=10)
                assert allowed.status_code == 200, path
                assert sent <= set(allowed.headers["access-control-allow-headers"].lower().split(",")), path
                assert method.upper() in allowed.headers["access-control-allow-methods"].split(","), path
