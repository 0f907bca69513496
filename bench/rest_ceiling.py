"""The ceiling for a REST server in Python: the statements of ours, as the database's log has them, and nothing else.

A bare ASGI application under uvicorn, with psycopg's own pool and pipeline. It plans nothing, checks no token and no
header; the body is passed on as the bytes that the database gave.
`python -m bench.rest_ceiling STATEMENTS DATABASE_URL PORT`; `GET|POST /NAME/NUMBER` does the statements called NAME.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from psycopg_pool import AsyncConnectionPool

from infra.local.process import end_with_parent, listen
from infra.local.serving import serve_until_stopped, server

# Stand for what changes from request to request in the statements' parameters.
NUMBER, BODY = "777", "\1body"
POOL_SIZE = 10  # as the server's own
Statements = list[tuple[str, list[str | None]]]
_LOGGED = re.compile(r" LOG:  execute [^:]+: (.*)\n[^\n]* DETAIL:  [Pp]arameters: (.*)| LOG:  execute [^:]+: (.*)")
_PARAMETER = re.compile(r"\$\d+ = (?:'((?:[^']|'')*)'|(NULL))", re.DOTALL)


def logged(log: str, body: str | None) -> Statements:
    """The statements of the request that `log` (PostgreSQL's, log_statement = all) was written during.

    `body` is what was sent; the request's number was NUMBER.
    """
    found: Statements = []
    for match in _LOGGED.finditer(log):
        values = [None if null else text.replace("''", "'") for text, null in _PARAMETER.findall(match[2] or "")]
        found.append((match[1] or match[3], [BODY if body is not None and each == body else each for each in values]))
    return found


class App:
    """The ASGI application."""

    def __init__(self, statements: dict[str, Statements], pool: AsyncConnectionPool[Any]) -> None:
        self._statements = statements
        self._pool = pool

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        _, name, number = scope["path"].split("/")
        body = (await receive())["body"].decode() if scope["method"] == "POST" else ""
        given = {NUMBER: number, BODY: body}
        async with self._pool.connection() as connection, connection.pipeline():
            cursors = [
                await connection.execute(text, [each and given.get(each, each) for each in values], prepare=True)
                for text, values in self._statements[name]
            ]
        content = next(body for cursor in cursors if cursor.pgresult and (body := _body(cursor.pgresult)) is not None)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def _body(result: Any) -> bytes | None:
    """What is in the column `body` of the only row; None where there is no such column."""
    at = next((column for column in range(result.nfields) if result.fname(column) == b"body"), None)
    return None if at is None else result.get_value(0, at) or b""


async def run(statements: dict[str, Statements], url: str, port: int) -> None:
    options = {"autocommit": True, "cursor_factory": psycopg.AsyncRawCursor}
    async with AsyncConnectionPool(url, min_size=1, max_size=POOL_SIZE, kwargs=options) as pool:
        await serve_until_stopped({server(App(statements, pool)): listen("127.0.0.1", port)})


def main() -> None:
    end_with_parent()
    uvloop.run(run(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], int(sys.argv[3])))


if __name__ == "__main__":
    main()
