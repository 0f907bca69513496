"""Storage's errors. On the wire the status is 400 (500 where the server failed); the real one stands in the body."""

from __future__ import annotations

import psycopg
from starlette.responses import JSONResponse, Response


class StorageError(Exception):
    """`status` goes into the body; `code` is in S3's words, `error` in those of older clients."""

    def __init__(self, status: int, code: str, message: str, error: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.error = error or code

    def response(self) -> Response:
        body = {"statusCode": str(self.status), "code": self.code, "error": self.error, "message": self.message}
        return JSONResponse(body, 500 if self.status == 500 else 400, headers={"Cache-Control": "no-store"})


class BytesGoneError(StorageError):
    """The row was there and its bytes were not: replaced or removed in between."""

    def __init__(self) -> None:
        super().__init__(404, "NoSuchKey", "The resource was not found", "Not found")


def no_such_bucket() -> StorageError:
    return StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def no_such_key() -> StorageError:
    return StorageError(404, "NoSuchKey", "Object not found", "not_found")


def access_denied(message: str = "Access denied") -> StorageError:
    return StorageError(403, "AccessDenied", message, "Unauthorized")


def invalid_request(message: str) -> StorageError:
    return StorageError(400, "InvalidRequest", message)


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
    if state == "23503":
        return StorageError(404, "InvalidRequest", "The related resource does not exist")
    if state == "22023" and "role" in text:
        return access_denied(text)
    if state == "57014":
        return StorageError(544, "DatabaseTimeout", "The connection to the database timed out")
    if state == "55P03":
        return StorageError(423, "ResourceLocked", "The resource is locked")
    if state.startswith("22") or (isinstance(error, psycopg.DataError) and not state):
        return invalid_parameter(text if state else str(error))
    return StorageError(500, "DatabaseError", f"database error, code: {state or 'none'}")
