"""A Chalice app with one of everything that the runner plays. It writes what it sees to the folder `SEEN`."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from chalice.app import Chalice, NotFoundError, Rate, Request, Response

app = Chalice(app_name="probe")
app.api.binary_types = [*app.api.binary_types, "message/rfc822"]
SEEN = Path(os.environ["SEEN"])
_lock = threading.Lock()


def note(kind: str, **what: Any) -> None:
    line = json.dumps({"kind": kind, "at": time.time(), "thread": threading.current_thread().name, **what})
    with _lock, (SEEN / "seen.jsonl").open("a") as file:
        file.write(line + "\n")


def current() -> Request:
    assert app.current_request is not None
    return app.current_request


@app.route("/echo/{name}", methods=["GET", "POST"], content_types=["application/json", "message/rfc822"], cors=True)
def echo(name: str) -> dict[str, Any]:
    request = current()
    raw = request.raw_body
    assert isinstance(raw, bytes)
    return {
        "name": name,
        "method": request.method,
        "query": dict(request.query_params or {}),
        "header": request.headers.get("x-probe"),
        "length": len(raw),
        "hex": raw[:64].hex(),
        "base64": request.to_original_event()["isBase64Encoded"],
        "environment": os.environ.get("PROBE"),
    }


@app.route("/echo/fixed", methods=["GET"])
def fixed() -> str:
    return "the fixed one"


@app.route("/slow/{name}", methods=["GET"])
def slow(name: str) -> dict[str, str]:
    time.sleep(0.05)
    return {"name": name, "path": (current().uri_params or {})["name"]}


@app.route("/address", methods=["GET"])
def address() -> dict[str, Any]:
    identity = current().context["identity"]
    return {"source": identity["sourceIp"], "forwarded": current().headers["x-forwarded-for"]}


@app.route("/fail", methods=["GET"])
def fail() -> None:
    raise RuntimeError("secret detail")


@app.route("/missing", methods=["GET"])
def missing() -> None:
    raise NotFoundError("no such thing")


@app.route("/binary", methods=["GET"])
def binary() -> Response:
    return Response(b"\x89PNG\x00\xff", headers={"Content-Type": "image/png"})


@app.route("/cookies", methods=["GET"])
def cookies() -> Response:
    return Response("ok", headers={"Set-Cookie": ["a=1", "b=2"], "Content-Type": "text/plain"}, status_code=201)


@app.route("/hang", methods=["GET"])
def hang() -> None:
    while True:
        time.sleep(0.01)


@app.on_sqs_message(queue="work", batch_size=10, maximum_concurrency=2)
def work(event: Any) -> dict[str, list[dict[str, str]]]:
    """Fails each message that says so, by name; `raise` fails the whole batch; `hang` takes longer than it may."""
    failed = []
    for record in event.to_dict()["Records"]:
        body = json.loads(record["body"])
        note("work", body=body, attempt=int(record["attributes"]["ApproximateReceiveCount"]))
        if body["do"] == "raise":
            raise RuntimeError("whole batch")
        if body["do"] == "hang":
            hang()
        if body["do"] == "fail":
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


@app.on_sqs_message(queue="bulk", batch_size=25, maximum_batching_window_in_seconds=5)
def bulk(event: Any) -> None:
    note("bulk", size=len(list(event)))


@app.on_sqs_message(queue="pair", batch_size=1, maximum_concurrency=2)
def pair(event: Any) -> None:
    note("pair", change=1)
    time.sleep(0.1)
    note("pair", change=-1)


@app.schedule(Rate(1, unit=Rate.DAYS))
def daily(event: Any) -> None:
    note("daily", source=event.source, type=event.detail_type)


@app.lambda_function(name="woken")
def woken(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    note("woken", payload=event.get("detail", {}).get("payload"))
    time.sleep(0.05)
    return {"seen": event}


@app.lambda_function(name="broken")
def broken(_event: dict[str, Any], _context: Any) -> None:
    raise ValueError("it broke")
