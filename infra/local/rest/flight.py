"""Several statements in one round trip: libpq's pipeline, driven by the event loop itself.

psycopg's own pipeline costs several times what PostgreSQL needs for a small request: here nothing is converted, the
socket is watched once per flight, and results stay bytes. Statements that come again are prepared, by their text and
the role that they run as: what row-level security adds to a plan depends on the role, and a plan that is asked for by
two in turn would be made anew each time.

https://www.postgresql.org/docs/current/libpq-pipeline-mode.html
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

PREPARED = 100  # statements kept by a session; the least used goes first
SEEN = 1000  # statements remembered as having come once, by their hash: a client can make them long
LONGEST = 20_000  # characters of a statement that is worth being kept
GLANCE_SECONDS = 0.5  # between looks at a socket that says nothing


class Step(NamedTuple):
    """A statement and its parameters; the server finds their types."""

    text: str
    parameters: Sequence[str | bytes] = ()


Values = tuple[list[bytes], list[int]]


class Connection(psycopg.AsyncConnection[Any]):
    """A session that remembers what it has prepared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self.seen: set[int] = set()
        self.made = 0  # names are not used twice: nothing has to be known of one that was given up

    async def fly(self, steps: Sequence[Step], role: str, *, prepare: bool = True) -> list[PGresult]:
        """Do `steps` one after the other; returns the result of each. Without `prepare` nothing more is prepared.

        Raises psycopg.Error for the first that is refused: those behind it are not done. A transaction that was begun
        stays as the refusal left it.
        """
        connection = self.pgconn
        given = [_encoded(step.parameters) for step in steps]
        connection.enter_pipeline_mode()
        kinds = [
            kind
            for step, values in zip(steps, given, strict=True)
            for kind in self._send(step.text, values, role, prepare=prepare)
        ]
        kinds += self._close_surplus()
        connection.pipeline_sync()
        results = await _Answers(self).all()
        connection.exit_pipeline_mode()
        failure = None
        answers: list[PGresult] = []
        for kind, result in zip(kinds, results, strict=True):
            if result.status == ExecStatus.FATAL_ERROR:
                failure = failure or error_from_result(result, "utf-8")
            elif result.status == ExecStatus.PIPELINE_ABORTED:
                continue
            if isinstance(kind, tuple):  # known as prepared from now on: the server says so
                key, name = kind
                if result.status == ExecStatus.COMMAND_OK:
                    self.prepared[key] = name
            elif kind:
                answers.append(result)
        if failure is not None:
            raise failure
        return answers

    def _send(
        self, text: str, values: Values, role: str, *, prepare: bool
    ) -> list[bool | tuple[tuple[str, str], bytes]]:
        """Send one statement. Returns, for each result to come, whose it is: True the statement's, a key a name's."""
        connection = self.pgconn
        key = (role, text)
        name = self.prepared.get(key)
        if name is not None:
            self.prepared.move_to_end(key)
            connection.send_query_prepared(name, *values)
            return [True]
        if not prepare or len(text) > LONGEST or hash(key) not in self.seen:
            if len(self.seen) >= SEEN:
                self.seen.clear()
            self.seen.add(hash(key))
            connection.send_query_params(text.encode(), values[0], param_formats=values[1])
            return [True]
        self.made += 1
        name = b"_%d" % self.made
        connection.send_prepare(name, text.encode())
        connection.send_query_prepared(name, *values)
        return [(key, name), True]

    def _close_surplus(self) -> list[bool]:
        surplus = len(self.prepared) - PREPARED
        for _ in range(surplus):
            _, name = self.prepared.popitem(last=False)
            self.pgconn.send_close_prepared(name)
        return [False] * surplus


def _encoded(parameters: Sequence[str | bytes]) -> Values:
    """The values and their formats, 0 for text and 1 for bytes as they are.

    Raises DataError for a text with a NUL, which would end it on its way, and for what is no text in UTF-8.
    """
    try:
        values = [each.encode() if isinstance(each, str) else each for each in parameters]
    except UnicodeEncodeError as error:
        raise psycopg.DataError(f"invalid text: {error.reason}") from None
    if any(isinstance(each, str) and "\0" in each for each in parameters):
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return values, [0 if isinstance(each, str) else 1 for each in parameters]


class _Answers:
    """Collects the results of a flight as the socket brings them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[list[PGresult]] = self._loop.create_future()
        self._results: list[PGresult] = []
        self._socket = self._connection.socket
        self._glance: asyncio.TimerHandle | None = None

    async def all(self) -> list[PGresult]:
        self._loop.add_reader(self._socket, self._readable)
        self._glance = self._loop.call_later(GLANCE_SECONDS, self._look)
        try:
            if self._connection.flush():  # more than the socket takes at once
                self._loop.add_writer(self._socket, self._writable)
            return await self._done
        finally:
            self._leave()

    def _look(self) -> None:
        """A socket that was reset wakes no reader of uvloop's: it has to be asked."""
        self._readable()
        if self._glance:
            self._glance = self._loop.call_later(GLANCE_SECONDS, self._look)

    def _readable(self) -> None:
        connection = self._connection
        try:
            connection.consume_input()
            while not connection.is_busy():
                result = connection.get_result()
                if result is None:  # between the results of two statements, or there is no more to come
                    if connection.status == ConnStatus.BAD:
                        raise psycopg.OperationalError(connection.get_error_message())
                elif result.status == ExecStatus.PIPELINE_SYNC:
                    self._leave()
                    self._done.set_result(self._results)
                    return
                else:
                    self._results.append(result)
        except psycopg.Error as error:
            self._fail(error)

    def _writable(self) -> None:
        try:
            if not self._connection.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._fail(error)

    def _fail(self, error: psycopg.Error) -> None:
        """The connection is lost. The server's last words say why, if it had any."""
        self._leave()
        told = next((each for each in self._results if each.status == ExecStatus.FATAL_ERROR), None)
        self._done.set_exception(error_from_result(told, "utf-8") if told else error)

    def _leave(self) -> None:
        """At once: where libpq has closed the socket, the next connection of this process gets its number."""
        if self._glance:
            self._glance.cancel()
            self._glance = None
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
