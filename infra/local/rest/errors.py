"""Errors as PostgREST tells them: a status, and a body of code, message, details and hint.

Codes and statuses: https://docs.postgrest.org/en/v16/references/errors.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import psycopg


@dataclass
class ApiError(Exception):
    """An answer other than the one asked for. `details` may be any JSON value."""

    status: int
    code: str
    message: str
    details: Any = None
    hint: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)

    def body(self, *, verbose: bool = True) -> bytes:
        told: dict[str, Any] = {"code": self.code}
        if verbose:
            told |= {"details": self.details, "hint": self.hint}
        return json.dumps(told | {"message": self.message}, ensure_ascii=False, separators=(",", ":")).encode()


def parse_error(message: str, details: str) -> ApiError:
    return ApiError(400, "PGRST100", message, details)


def wrong_rpc_method(method: str) -> ApiError:
    return ApiError(405, "PGRST101", f"Cannot use the {method} method on RPC")


def invalid_body(message: str) -> ApiError:
    return ApiError(400, "PGRST102", message)


def invalid_range(details: str) -> ApiError:
    return ApiError(416, "PGRST103", "Requested range not satisfiable", details)


def range_beyond_the_end(offset: int, total: int) -> ApiError:
    return invalid_range(f"An offset of {offset} was requested, but there are only {total} rows.")


def invalid_put_filters() -> ApiError:
    return ApiError(405, "PGRST105", "Filters must include all and only primary key columns with 'eq' operators")


def unknown_schema(schema: str, exposed: tuple[str, ...]) -> ApiError:
    hint = f"Only the following schemas are exposed: {', '.join(exposed)}"
    return ApiError(406, "PGRST106", f"Invalid schema: {schema}", hint=hint)


def no_such_media_type(wanted: list[str]) -> ApiError:
    return ApiError(406, "PGRST107", f"None of these media types are available: {', '.join(wanted)}")


def not_embedded(name: str, alias: str | None = None) -> ApiError:
    message = f"'{name}' is not an embedded resource in this request"
    if alias is None:
        hint = f"Verify that '{name}' is included in the 'select' query parameter."
        return ApiError(400, "PGRST108", message, hint=hint)
    details = "Target names are not allowed in filters if they have an alias"
    return ApiError(400, "PGRST108", message, details, f"Change '{name}' to '{alias}' in filters, orders or limits.")


def bad_response_headers() -> ApiError:
    message = "response.headers guc must be a JSON array composed of objects with a single key and a string value"
    return ApiError(500, "PGRST111", message)


def bad_response_status() -> ApiError:
    return ApiError(500, "PGRST112", "response.status guc must be a valid status code")


def put_with_limit() -> ApiError:
    return ApiError(400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT")


def put_of_another_key() -> ApiError:
    return ApiError(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def not_singular(rows: int) -> ApiError:
    message = "Cannot coerce the result to a single JSON object"
    return ApiError(406, "PGRST116", message, f"The result contains {rows} rows")


def unsupported_method(method: str) -> ApiError:
    return ApiError(405, "PGRST117", f"Unsupported HTTP method: {method}")


def order_by_many(origin: str, target: str) -> ApiError:
    details = f"'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"
    return ApiError(400, "PGRST118", f"A related order on '{target}' is not possible", details)


def invalid_preferences(preferences: list[str]) -> ApiError:
    details = f"Invalid preferences: {', '.join(preferences)}"
    return ApiError(400, "PGRST122", "Invalid preferences given with handling=strict", details)


def no_aggregates() -> ApiError:
    return ApiError(400, "PGRST123", "Use of aggregate functions is not allowed")


def too_many_affected(rows: int) -> ApiError:
    message = "Query result exceeds max-affected preference constraint"
    return ApiError(400, "PGRST124", message, f"The query affects {rows} rows")


def invalid_path() -> ApiError:
    return ApiError(404, "PGRST125", "Invalid path specified in request URL")


def no_openapi() -> ApiError:
    return ApiError(404, "PGRST126", "Root endpoint metadata is disabled")


def not_implemented(details: str) -> ApiError:
    return ApiError(400, "PGRST127", "Feature not implemented", details)


def max_affected_needs_a_set() -> ApiError:
    message = "Function must return SETOF or TABLE when max-affected preference is used with handling=strict"
    return ApiError(400, "PGRST128", message)


def unknown_column(table: str, column: str) -> ApiError:
    return ApiError(400, "PGRST204", f"Could not find the '{column}' column of '{table}' in the schema cache")


def unknown_table(schema: str, table: str, similar: str | None) -> ApiError:
    hint = f"Perhaps you meant the table '{schema}.{similar}'" if similar else None
    return ApiError(404, "PGRST205", f"Could not find the table '{schema}.{table}' in the schema cache", hint=hint)


def unsafe(verb: str) -> ApiError:
    """What the extension safeupdate says; the platform loads it for everybody who comes through the API."""
    return ApiError(400, "21000", f"{verb} requires a WHERE clause")


def no_secret() -> ApiError:
    return ApiError(500, "PGRST300", "Server lacks JWT secret")


def anonymous_refused() -> ApiError:
    return ApiError(401, "PGRST302", "Anonymous access is disabled", headers=[("WWW-Authenticate", "Bearer")])


def bad_token(message: str, details: str | None = None) -> ApiError:
    return ApiError(401, "PGRST301", message, details, headers=[_challenge(message)])


def bad_claims(message: str) -> ApiError:
    return ApiError(401, "PGRST303", message, headers=[_challenge(message)])


def _challenge(message: str) -> tuple[str, str]:
    return "WWW-Authenticate", f'Bearer error="invalid_token", error_description="{message}"'


# -- what the database says ----------------------------------------------------------------------------------------

# By class (first two characters) or whole SQLSTATE; the whole one wins.
_STATUS = {
    "08": 503, "09": 500, "0L": 403, "0P": 403, "23503": 409, "23505": 409, "25006": 405, "25": 500, "28": 403,
    "2D": 500, "38": 500, "39": 500, "3B": 500, "40": 500, "53400": 500, "53": 503, "54": 500, "55": 500, "57P01": 503,
    "57": 500, "58": 500, "F0": 500, "HV": 500, "P0001": 400, "P0": 500, "XX": 500, "42P01": 404, "42P17": 500,
}  # fmt: skip


def from_database(error: psycopg.Error, *, authenticated: bool) -> ApiError:
    """The answer for an error of PostgreSQL. `authenticated`: the caller is anybody but the anonymous role."""
    code = error.sqlstate
    if code is None:
        return _from_driver(error)
    diagnosis = error.diag
    message = diagnosis.message_primary or ""
    if code == "PGRST":
        return _raised_by_user(message, diagnosis.message_detail)
    status = _status(code, message, authenticated=authenticated)
    headers = [("WWW-Authenticate", "Bearer")] if status == 401 else []
    return ApiError(status, code, message, diagnosis.message_detail, diagnosis.message_hint, headers)


def _status(code: str, message: str, *, authenticated: bool) -> int:
    if code == "42501":
        return 403 if authenticated else 401
    if code == "21000":
        return 400 if message.endswith("requires a WHERE clause") else 500
    if code == "22023":
        return 401 if message.startswith("role") and message.endswith("does not exist") else 400
    if code == "42883":
        return 406 if message.startswith("function xmlagg(") else 404
    if code.startswith("PT"):
        return int(code[2:]) if code[2:].isdecimal() and code[2] != "0" else 500
    return _STATUS.get(code) or _STATUS.get(code[:2]) or 400


def _from_driver(error: psycopg.Error) -> ApiError:
    if isinstance(error, psycopg.DataError):  # psycopg refuses a NUL before the server could
        return ApiError(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return ApiError(503, "PGRST001", "Database client error. Retrying the connection.", str(error))


def _raised_by_user(message: str, detail: str | None) -> ApiError:
    """`raise sqlstate 'PGRST'` has the whole answer as JSON in its message and detail."""
    told, answer = _json_object(message), _json_object(detail or "")
    wrong = "Could not parse JSON in the \"RAISE SQLSTATE 'PGRST'\" error"
    if told is None or not _is_told(told):
        keys = "'code', 'message' and optional keys: 'details', 'hint'."
        hint = f"MESSAGE must be a JSON object with obligatory keys: {keys}"
        return ApiError(500, "PGRST121", wrong, f"Invalid JSON value for MESSAGE: '{message}'", hint)
    if answer is None or not _is_answer(answer):
        hint = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
        invalid = f"Invalid JSON value for DETAIL: '{detail}'"
        return ApiError(500, "PGRST121", wrong, invalid if detail else "DETAIL is missing in the RAISE statement", hint)
    headers = list(answer["headers"].items())
    return ApiError(answer["status"], told["code"], told["message"], told.get("details"), told.get("hint"), headers)


def _is_told(value: dict[str, Any]) -> bool:
    required = all(isinstance(value.get(name), str) for name in ("code", "message"))
    return required and all(isinstance(value.get(name), str | None) for name in ("details", "hint"))


def _is_answer(value: dict[str, Any]) -> bool:
    status, headers = value.get("status"), value.get("headers")
    return (
        isinstance(headers, dict)
        and all(isinstance(each, str) for each in headers.values())
        and isinstance(value.get("status_text"), str | None)
        and isinstance(status, int)
        and not isinstance(status, bool)
        and 100 <= status <= 999
    )


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
