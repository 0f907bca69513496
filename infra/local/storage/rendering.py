"""Rows as Storage's JSON, and handlers as routes: the caller found before, errors in Storage's shape after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.settings import Keys
from infra.local.storage.callers import Caller, identify
from infra.local.storage.errors import StorageError, invalid_request
from infra.local.storage.names import check_key
from infra.local.storage.outgoing import object_headers


class _Text(Convertor[str]):
    """The rest of a path, line breaks too: Starlette's `path` would match a name without the one at its end."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", _Text())
Handler = Callable[[Request, Caller], Awaitable[Response]]
OBJECT_FIELDS = (
    "name", "bucket_id", "owner", "owner_id", "version", "id", "updated_at", "created_at", "last_accessed_at",
    "metadata", "user_metadata",
)  # fmt: skip


def route(path: str, keys: Keys, by_method: dict[str, Handler], *, anonymous: bool = False) -> BaseRoute:
    """A route whose handler depends on the method. `anonymous`: a request without a good token is let in as anon."""

    async def handle(request: Request) -> Response:
        try:
            caller = identify(keys, request, anonymous=anonymous)
            return await by_method[request.method](request, caller)
        except StorageError as error:
            return error.response()
        except ClientDisconnect:
            return invalid_request("the client went away").response()

    methods = list(by_method)
    made = Route(path, handle, methods=methods)
    made.methods = set(methods)  # Starlette adds HEAD to GET; here HEAD is a handler of its own
    return made


def place(request: Request) -> tuple[str, str]:
    """Bucket and key of an address. Raises InvalidKey."""
    return request.path_params["bucket"], check_key(request.path_params["key"])


def timestamp(moment: datetime | None) -> str | None:
    """As JavaScript writes it: UTC, in milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bucket_json(row: dict[str, Any], *, kind: bool) -> dict[str, Any]:
    """A row of storage.buckets; with `kind`, its type too."""
    shown = row if kind else {name: value for name, value in row.items() if name != "type"}
    return shown | {"created_at": timestamp(row["created_at"]), "updated_at": timestamp(row["updated_at"])}


def object_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row of storage.objects. The platform's serializer knows no null for the text fields."""
    values: dict[str, Any] = {}
    for name in OBJECT_FIELDS:
        value = row[name]
        if isinstance(value, datetime):
            value = timestamp(value)
        elif name in {"owner", "owner_id", "version", "id"}:
            value = "" if value is None else str(value)
        values[name] = value
    return values


def entry_json(row: dict[str, Any]) -> dict[str, Any]:
    """A line of a listing; a folder has a name, and maybe times."""
    return {
        "name": row["name"],
        "id": str(row["id"]) if row["id"] else None,
        "updated_at": timestamp(row["updated_at"]),
        "created_at": timestamp(row["created_at"]),
        "last_accessed_at": timestamp(row["last_accessed_at"]),
        "metadata": row["metadata"],
    }


def info_response(row: dict[str, Any]) -> Response:
    """What /object/info tells of an object. `metadata` is the caller's own, the file's is spread out."""
    metadata = row["metadata"] or {}
    body = {
        "id": str(row["id"]),
        "name": row["name"],
        "version": row["version"],
        "bucket_id": row["bucket_id"],
        "size": metadata.get("size"),
        "content_type": metadata.get("mimetype"),
        "cache_control": metadata.get("cacheControl"),
        "etag": metadata.get("eTag"),
        "metadata": row["user_metadata"],
        "last_modified": timestamp(row["updated_at"]),
        "created_at": timestamp(row["created_at"]),
    }
    shown = {"ETag", "Last-Modified", "Cache-Control"}
    return JSONResponse(body, headers={name: told for name, told in object_headers(row).items() if name in shown})
