"""Storage's errors. On the wire the status is mostly 400 (500 where the server failed), the real one is in the body."""

from __future__ import annotations

import psycopg
from starlette.responses import JSONResponse, Response

# What PostgreSQL says → status, code, message, and error and status on the wire where they are not the usual ones.
FIXED: dict[str, tuple[int, str, str] | tuple[int, str, str, str, int]] = {
    "57014": (544, "DatabaseTimeout", "The connection to the database timed out", "DatabaseTimeout", 544),
    "55P03": (423, "ResourceLocked", "The resource is locked"),
    "25006": (503, "DatabaseReadOnly", "The database is currently in read-only mode. Please try again later."),
    "42P17": (503, "DatabaseInvalidObjectDefinition", "The database schema is invalid or incompatible."),
    "53300": (429, "SlowDown", "Too many connections issued to the database", "too_many_connections", 429),
}


class StorageError(Exception):
    """`status` goes into the body; `code` is in S3's words, `error` in those of older clients.

    `http_status` is for the few errors that have a real status on the wire.
    """

    def __init__(
        self, status: int, code: str, message: str, error: str | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.error = error or code
        self.http_status = http_status

    def response(self) -> Response:
        body = {"statusCode": str(self.status), "code": self.code, "error": self.error, "message": self.message}
        status = self.http_status or (500 if self.status == 500 else 400)
        return JSONResponse(body, status, headers={"Cache-Control": "no-store"})


class BytesGoneError(StorageError):
    """The row was there and its bytes were not: replaced or removed in between."""

    def __init__(self) -> None:
        super().__init__(404, "NoSuchKey", "The resource was not found", "Not found")


def no_such_bucket() -> StorageError:
    return StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def bucket_not_empty() -> StorageError:
    return StorageError(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty")


def no_such_key() -> StorageError:
    return StorageError(404, "NoSuchKey", "Object not found", "not_found")


def wrong_role(message: str) -> StorageError:
    return StorageError(403, "AccessDenied", message, "Unauthorized", http_status=403)


def access_denied(message: str = "Access denied") -> StorageError:
    return StorageError(403, "AccessDenied", message, "Unauthorized")


def invalid_request(message: str) -> StorageError:
    return StorageError(400, "InvalidRequest", message)


def malformed(message: str) -> StorageError:
    """A request that does not have the form its route asks for."""
    return StorageError(400, "InvalidRequest", message, "Error")


def invalid_parameter(message: str) -> StorageError:
    return StorageError(400, "InvalidParameter", message)


def invalid_key(key: str) -> StorageError:
    return StorageError(400, "InvalidKey", f"Invalid key: {key[:200]}")


def invalid_bucket_name() -> StorageError:
    return StorageError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input")


def invalid_mime_type(mime_type: str) -> StorageError:
    return StorageError(415, "InvalidMimeType", f"mime type {mime_type[:200]} is not supported", "invalid_mime_type")


def already_exists(code: str = "ResourceAlreadyExists") -> StorageError:
    return StorageError(409, code, "The resource already exists", "Duplicate")


def too_large(what: str = "object") -> StorageError:
    return StorageError(413, "EntityTooLarge", f"The {what} exceeded the maximum allowed size", "Payload too large")


def from_database(error: psycopg.Error) -> StorageError:
    """What the caller is told when PostgreSQL refuses. Nothing of the statement is shown."""
    state = error.sqlstate or ""
    text = error.diag.message_primary or "database error"
    if state == "42501":
        if "row-level security" in text:
            text = "new row violates row-level security policy"
        return access_denied(text)
    if state == "23505":
        return already_exists()
    if state == "23503" and "is still referenced from table" in (error.diag.message_detail or ""):
        message = "The resource could not be updated or removed due to a foreign key constraint"
        return StorageError(409, "ResourceReferenced", message)
    if state == "23503":
        return StorageError(404, "InvalidRequest", "The related resource does not exist")
    if state == "22023" and "role" in text:
        return access_denied(text)
    if state in {"42703", "42P01"}:
        where = f"There is a database schema mismatch in a trigger or RLS policy: {error.diag.context}"
        plain = "The database schema is out of sync. Please run migrations or contact support."
        return StorageError(503, "DatabaseSchemaMismatch", where if error.diag.internal_query else plain)
    if state in FIXED:
        return StorageError(*FIXED[state])
    if state.startswith("22") or (isinstance(error, psycopg.DataError) and not state):
        return invalid_parameter(text if state else str(error))
    return StorageError(500, "DatabaseError", f"database error, code: {state or 'none'}")
