"""HTTP at its two ends: the kit's plain requests, and Chalice in front of them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from chalice.app import Chalice
from chalice.test import Client, HTTPResponse
from chalicelib.http_adapter import register
from chalicelib.kit.http import HttpError, Request, Response, Route, json_response, require_bearer

from tests.functions.conftest import Logged

MAIL = "message/rfc822"
JSON = {"content-type": "application/json"}


def bearer(value: str | None) -> Request:
    return Request("POST", "/", {}, {} if value is None else {"authorization": value}, b"")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer sesame",
        "Bearer open sesame ",
        "Basic open sesame",
        "open sesame",
        "Bearer öpen",
    ],
)
def test_a_wrong_bearer_opens_nothing(header: str | None) -> None:
    secret = "open sesame" if header != "Bearer open sesame " else "open sesame!"
    with pytest.raises(HttpError) as caught:
        require_bearer(bearer(header), secret)
    assert (caught.value.status, caught.value.code) == (401, "unauthorized")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "bearer  "])
def test_an_empty_secret_opens_nothing(header: str | None) -> None:
    with pytest.raises(HttpError):
        require_bearer(bearer(header), "")


@pytest.mark.parametrize("header", ["Bearer open", "bearer open", "BEARER  open "])
def test_the_right_bearer_opens(header: str) -> None:
    require_bearer(bearer(header), "open")


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with pytest.raises(HttpError):
        require_bearer(bearer("Bearer guess"), "secret")
    assert compared == [(b"guess", b"secret")]


def echo(request: Request) -> Response:
    return json_response(
        200,
        {
            "method": request.method,
            "query": {name: list(values) for name, values in request.query.items()},
            "header": request.headers.get("x-custom"),
            "body": base64.b64encode(request.body).decode(),
        },
    )


def refuse(request: Request) -> Response:
    raise HttpError(422, "bad_address", "the address is not one", "Say it as name@example.com.")


def defect(request: Request) -> Response:
    raise ValueError(f"secret words: {request.body!r}")


def away(request: Request) -> Response:
    raise psycopg.OperationalError("connection refused")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Chalice with the adapter on it, called with the events that API Gateway makes."""
    app = Chalice("test", configure_logs=False)
    app.api.binary_types = [*app.api.binary_types, MAIL]
    for method, path, handler, types in (
        ("POST", "/echo", echo, (MAIL, "application/json")),
        ("GET", "/echo", echo, ("application/json",)),
        ("GET", "/refuse", refuse, ("application/json",)),
        ("POST", "/defect", defect, ("application/json",)),
        ("GET", "/away", away, ("application/json",)),
        ("GET", "/things/{thing}/parts/{part}", lambda it: json_response(200, it.parameters), ("application/json",)),
        ("GET", "/file", lambda _: Response(200, b"\xff\x00", {"content-type": MAIL}), ("application/json",)),
    ):
        register(app, Route(method, path, handler, types))
    with Client(app, project_dir=str(tmp_path)) as client:
        yield client


def told(answer: HTTPResponse) -> object:
    return json.loads(answer.body)


def test_a_request_arrives_with_its_bytes_query_and_headers(client: Client) -> None:
    raw = bytes(range(256))
    answer = client.http.post(
        "/echo?rcpt=a@x.example&rcpt=b%2Bc@x.example", headers={"content-type": MAIL, "X-Custom": "é"}, body=raw
    )
    assert told(answer) == {
        "method": "POST",
        "query": {"rcpt": ["a@x.example", "b+c@x.example"]},
        "header": "é",
        "body": base64.b64encode(raw).decode(),
    }


def test_what_stands_in_the_path_arrives(client: Client) -> None:
    assert told(client.http.get("/things/a-b/parts/7")) == {"thing": "a-b", "part": "7"}


def test_a_request_without_query_and_body_arrives_empty(client: Client) -> None:
    assert told(client.http.get("/echo")) == {"method": "GET", "query": {}, "header": None, "body": ""}


@pytest.mark.parametrize("kind", [f"{MAIL}; charset=utf-8", "Message/RFC822"])
def test_a_content_type_may_have_parameters_and_any_case(client: Client, kind: str) -> None:
    answer = client.http.post("/echo", headers={"content-type": kind}, body=b"Subject: x\r\n\r\n")
    assert answer.status_code == 200


def test_a_content_type_that_the_route_does_not_take_is_415(client: Client) -> None:
    answer = client.http.post("/echo", headers={"content-type": "image/png"}, body=b"x")
    assert answer.status_code == 415
    assert told(answer) == {
        "code": "unsupported_media_type",
        "message": "a body of type image/png is not taken here",
        "hint": f"Send {MAIL} or application/json.",
    }


def test_json_is_text_and_files_are_bytes(client: Client) -> None:
    answer = client.http.get("/echo")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.startswith(b"{")
    assert client.http.get("/file", headers={"accept": MAIL}).body == b"\xff\x00"


def test_an_error_says_code_message_and_hint(client: Client) -> None:
    answer = client.http.get("/refuse")
    assert answer.status_code == 422
    assert told(answer) == {
        "code": "bad_address",
        "message": "the address is not one",
        "hint": "Say it as name@example.com.",
    }


def test_a_defect_is_a_bare_500_and_neither_answer_nor_log_quotes_the_request(client: Client, logged: Logged) -> None:
    answer = client.http.post("/defect", headers=JSON, body=b'"my password"')
    assert answer.status_code == 500
    assert told(answer) == {"code": "internal", "message": "the request failed; it was logged", "hint": None}
    lines = logged()
    assert "password" not in str(lines)
    assert [(line["event"], line["level"]) for line in lines] == [("request.defect", "error"), ("request", "error")]


def test_a_database_that_is_away_is_a_503_that_says_try_again(client: Client) -> None:
    answer = client.http.get("/away")
    assert answer.status_code == 503
    assert told(answer) == {"code": "unavailable", "message": "the database does not answer", "hint": "Try again."}


def test_a_request_is_one_line_with_status_and_size(client: Client, logged: Logged) -> None:
    client.http.post("/echo", headers=JSON, body=b'"x"')
    (line,) = logged()
    assert (line["event"], line["route"], line["bytes"], line["status"], line["outcome"]) == (
        "request", "POST /echo", 3, 200, "done",
    )  # fmt: skip


def test_the_callers_trace_is_taken_up_and_told(client: Client, logged: Logged) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = client.http.post("/echo", headers={**JSON, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, body=b"1")
    (line,) = logged()
    assert answer.headers["x-trace-id"] == line["trace_id"] == str(UUID(trace))


@pytest.mark.parametrize("said", ["", "00-xyz-1-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", "x" * 10_000])
def test_a_trace_that_is_none_is_replaced_by_a_new_one(client: Client, logged: Logged, said: str) -> None:
    answer = client.http.post("/echo", headers={**JSON, "traceparent": said}, body=b"1")
    assert UUID(answer.headers["x-trace-id"]).version == 4


def test_a_request_s_line_is_a_metric_of_its_route(client: Client, logged: Logged) -> None:
    client.http.post("/echo", headers=JSON, body=b"1")
    (line,) = logged()
    (told,) = line["_aws"]["CloudWatchMetrics"]
    assert told == {
        "Namespace": "pgdesk", "Dimensions": [["route"]], "Metrics": [{"Name": "RequestMs", "Unit": "Milliseconds"}],
    }  # fmt: skip
    assert line["RequestMs"] >= 0
