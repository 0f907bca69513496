"""The functions' routes, as API Gateway in front of Lambda would answer for them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from chalice.app import Chalice

from infra.local.runner.containers import Function
from infra.local.runner.http import FunctionsService
from infra.local.stack import Stack
from tests.serving import serve


def test_a_route_gets_method_path_query_headers_and_environment(functions: httpx.Client) -> None:
    answer = functions.get("/echo/a%20b", params=[("q", "1"), ("q", "ü")], headers={"X-Probe": "yes"})
    assert answer.status_code == 200
    assert answer.json() == {
        "name": "a b", "method": "GET", "query": {"q": "ü"}, "header": "yes", "length": 0, "hex": "", "base64": False,
        "environment": "from the environment",
    }  # fmt: skip


def test_a_fixed_path_wins_over_a_parameter(functions: httpx.Client) -> None:
    assert functions.get("/echo/fixed").text == "the fixed one"


def test_a_body_of_a_binary_type_arrives_byte_for_byte(functions: httpx.Client) -> None:
    mail = b"Subject: \xff\x00\xe9\r\n\r\n"
    answer = functions.post("/echo/x", content=mail, headers={"content-type": "message/rfc822"}).json()
    assert answer["hex"] == mail.hex()
    assert answer["base64"] is True


def test_a_body_of_another_type_is_text_and_loses_what_is_not_utf8(functions: httpx.Client) -> None:
    answer = functions.post("/echo/x", content=b"\xff", headers={"content-type": "application/json"}).json()
    assert answer["hex"] == "efbfbd"


@pytest.mark.parametrize("path", ["/nowhere", "/", "/echo"])
def test_an_unknown_path_is_refused_as_api_gateway_refuses_it(functions: httpx.Client, path: str) -> None:
    answer = functions.get(path)
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})


def test_an_unknown_method_is_refused(functions: httpx.Client) -> None:
    assert functions.delete("/echo/x").status_code == 403


def test_an_error_of_the_app_keeps_its_status_and_a_crash_shows_no_detail(functions: httpx.Client) -> None:
    assert functions.get("/missing").status_code == 404
    crash = functions.get("/fail")
    assert crash.status_code == 500
    assert "secret detail" not in crash.text


def test_a_binary_answer_needs_an_accept_header(functions: httpx.Client) -> None:
    assert functions.get("/binary", headers={"accept": "image/png"}).content == b"\x89PNG\x00\xff"
    assert functions.get("/binary", headers={"accept": "text/html"}).status_code == 400


def test_a_header_may_have_several_values(functions: httpx.Client) -> None:
    answer = functions.get("/cookies")
    assert answer.status_code == 201
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_a_function_that_takes_too_long_is_an_error_and_its_thread_is_replaced(functions: httpx.Client) -> None:
    answer = functions.get("/hang")  # its time-out is 1 s
    assert (answer.status_code, answer.json()) == (502, {"message": "Internal server error"})
    assert functions.get("/echo/x").status_code == 200


def test_what_lambda_would_not_take_is_refused_with_413(functions: httpx.Client) -> None:
    mail, text = {"content-type": "message/rfc822"}, {"content-type": "application/json"}
    assert functions.post("/echo/x", content=b"x" * 4_500_000, headers=mail).json()["length"] == 4_500_000
    assert functions.post("/echo/x", content=b"x" * 5_000_000, headers=mail).status_code == 413  # base64: over 6 MB
    assert functions.post("/echo/x", content=b"x" * 6_000_000, headers=text).json()["length"] == 6_000_000
    assert functions.post("/echo/x", content=b"x" * 7_000_000, headers=text).status_code == 413
    assert functions.post("/echo/x", content=b"x" * 11_000_000, headers=text).status_code == 413


def test_requests_at_the_same_time_do_not_see_each_other(functions: httpx.Client) -> None:
    names = [f"n{number}" for number in range(24)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda name: functions.get(f"/slow/{name}").json(), names))
    assert answers == [{"name": name, "path": name} for name in names]


def test_a_client_cannot_lie_about_its_address(functions: httpx.Client) -> None:
    answer = functions.get("/address", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.json() == {"source": "127.0.0.1", "forwarded": "203.0.113.9, 127.0.0.1"}


@pytest.mark.parametrize(
    "path",
    [
        "/_local/health",
        "/%5Flocal/health",
        "/_local%2Fhealth",
        "/2015-03-31/functions/woken/invocations",
        "/%32015-03-31/functions/woken/invocations",
        "/2015-03-31%2ffunctions%2fwoken%2finvocations",
    ],
)
def test_what_belongs_to_the_runner_is_not_reached_through_the_gateway(functions: httpx.Client, path: str) -> None:
    assert functions.post(path, json={}).status_code == 403


def test_cors_is_what_the_route_says(functions: httpx.Client) -> None:
    asking = {"Origin": "https://desk.example", "Access-Control-Request-Method": "POST"}
    allowed = functions.options("/echo/x", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "*"
    assert set(allowed.headers["access-control-allow-methods"].split(",")) == {"GET", "POST", "OPTIONS"}
    assert functions.options("/fail", headers=asking).status_code == 403


def test_the_gateway_lets_any_origin_read_the_platform_s_answers(stack: Stack) -> None:
    asking = {"Origin": "https://desk.example", "Access-Control-Request-Method": "PATCH"}
    asking["Access-Control-Request-Headers"] = "apikey,content-profile"
    allowed = httpx.options(f"{stack.settings.api_url}/rest/v1/things", headers=asking)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
    answer = httpx.get(f"{stack.settings.api_url}/health", headers={"Origin": "https://desk.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["live", "ready"])
def test_rest_says_that_it_is_up(stack: Stack, path: str) -> None:
    for answer in (httpx.get, httpx.head):
        assert answer(f"{stack.settings.api_url}/rest-admin/v1/{path}").status_code == 200


def test_the_stack_listens_on_loopback_only(stack: Stack) -> None:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = {line.split()[1] for line in lines if line.split()[3] == "0A"}
    for port in (stack.status() or pytest.fail("it does not run")).ports.values():
        assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_api_gateway_stops_waiting_while_the_function_goes_on() -> None:
    app, finish, finished = Chalice("patience"), threading.Event(), threading.Event()

    @app.route("/wait")
    def wait() -> None:
        finish.wait(10)
        finished.set()

    functions = {"api_handler": Function("api_handler", app, timeout=20, memory=128, concurrency=1)}
    with serve(FunctionsService(app, functions, limit_seconds=0.1)) as url:
        answer = httpx.get(f"{url}/wait")
        assert (answer.status_code, answer.json()) == (504, {"message": "Endpoint request timed out"})
        finish.set()
        assert finished.wait(10)


def test_api_gateways_own_errors_have_the_shape_that_its_template_gives_them() -> None:
    app, template = Chalice("shapes"), '{"code":"$context.error.responseType","message":$context.error.messageString}'
    with serve(FunctionsService(app, {}, error_template=template)) as url:
        assert httpx.get(url).json() == {
            "code": "MISSING_AUTHENTICATION_TOKEN",
            "message": "Missing Authentication Token",
        }
