"""Routes of buckets: make, read, change, empty, delete. The caller's policies on storage.buckets decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from infra.local.storage import rows
from infra.local.storage.bodies import flag, number, read_json, text
from infra.local.storage.callers import Caller
from infra.local.storage.errors import (
    StorageError,
    already_exists,
    bucket_not_empty,
    malformed,
    no_such_bucket,
)
from infra.local.storage.names import check_bucket, parse_allowed_mimes, parse_size_limit
from infra.local.storage.objects import Objects
from infra.local.storage.rendering import bucket_json, route


def _before(name: str, version: tuple[int, int, int]) -> Callable[[str], bool]:
    """Whether a client calls itself `name` and is older than `version`."""
    pattern = re.compile(rf"{name}(\d{{1,9}})\.(\d{{1,9}})\.(\d{{1,9}})", re.IGNORECASE)

    def check(text: str) -> bool:
        match = pattern.search(text)
        return match is not None and tuple(int(part) for part in match.groups()) < version

    return check


# Clients that fail over a bucket's type in a list, by the header in which they give their name.
OLD_CLIENTS = {
    "x-client-info": _before("supabase-py/", (2, 18, 0)), "user-agent": _before("supabase-py/storage3 v", (0, 12, 1)),
}  # fmt: skip


class BucketRoutes:
    """Handlers take the request and its caller; rendering.route() makes them routes."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._database = objects.database

    def routes(self, keys: Any) -> list[BaseRoute]:
        return [
            route("/bucket", keys, {"POST": self.create, "GET": self.list_all}),
            route("/bucket/", keys, {"POST": self.create, "GET": self.list_all}),
            route("/bucket/{bucket}", keys, {"GET": self.get, "PUT": self.update, "DELETE": self.delete}),
            route("/bucket/{bucket}/empty", keys, {"POST": self.empty}),
        ]

    async def create(self, request: Request, caller: Caller) -> Response:
        body = await read_json(request)
        name = check_bucket(text(body, "name"))
        identity = check_bucket(body.get("id") or name)
        if body.get("type") == "ANALYTICS":
            message = "The feature Iceberg buckets are not enabled for this tenant is not enabled for this resource"
            raise StorageError(409, "FeatureNotEnabled", message)
        if body.get("type") not in {None, "STANDARD"}:
            raise malformed("body/type must be equal to one of the allowed values")
        try:
            async with self._database.as_caller(caller, "storage.bucket.create") as db:
                await rows.insert_bucket(db, identity, name, caller.owner, _settings(body, self._objects.most))
        except StorageError as error:
            raise already_exists("BucketAlreadyExists") if error.status == 409 else error from error
        return JSONResponse({"name": name})

    async def list_all(self, request: Request, caller: Caller) -> Response:
        query = request.query_params
        column = query.get("sortColumn", "id")
        if column not in rows.BUCKET_ORDER or query.get("sortOrder", "asc") not in {"asc", "desc"}:
            raise malformed("querystring/sortColumn must be equal to one of the allowed values")
        limit = number(query.get("limit"), "querystring/limit", 0, 1) or None
        offset = number(query.get("offset"), "querystring/offset", 0, 0)
        async with self._database.as_caller(caller, "storage.bucket.list") as db:
            found = await rows.list_buckets(
                db, limit, offset, column,
                descending=query.get("sortOrder") == "desc", search_text=query.get("search", ""),
            )  # fmt: skip
        old = any(before(request.headers.get(name, "")) for name, before in OLD_CLIENTS.items())
        return JSONResponse([bucket_json(row, kind=not old) for row in found])

    async def get(self, request: Request, caller: Caller) -> Response:
        async with self._database.as_caller(caller, "storage.bucket.get") as db:
            found = await rows.find_bucket(db, request.path_params["bucket"])
        if found is None:
            raise no_such_bucket()
        return JSONResponse(bucket_json(found, kind=False))

    async def update(self, request: Request, caller: Caller) -> Response:
        values = _settings(await read_json(request), self._objects.most)
        if not values:
            raise malformed("body must have required property 'public'")
        async with self._database.as_caller(caller, "storage.bucket.update") as db:
            if not await rows.update_bucket(db, request.path_params["bucket"], values):
                raise no_such_bucket()
        return JSONResponse({"message": "Successfully updated"})

    async def delete(self, request: Request, caller: Caller) -> Response:
        bucket = request.path_params["bucket"]
        await self._objects.bucket(caller, "storage.bucket.delete", bucket)
        async with self._database.as_admin(caller, "storage.bucket.delete") as db:
            if await rows.count_objects(db, bucket):
                raise bucket_not_empty()
        try:
            async with self._database.as_caller(caller, "storage.bucket.delete") as db:
                if not await rows.delete_bucket(db, bucket):
                    raise no_such_bucket()
        except StorageError as error:
            raise bucket_not_empty() if error.code == "ResourceReferenced" else error from error
        return JSONResponse({"message": "Successfully deleted"})

    async def empty(self, request: Request, caller: Caller) -> Response:
        """The platform does this later; here it is done when the answer, which is the platform's, arrives.

        There only the service role may. Here also who may remove every object of the bucket one by one: as the
        official Python client's tests do.
        """
        await self.get(request, caller)
        await self._objects.empty(caller, "storage.bucket.empty", request.path_params["bucket"])
        return JSONResponse({"message": "Empty bucket has been queued. Completion may take up to an hour."})


def _settings(body: dict[str, Any], most: int) -> dict[str, Any]:
    """The columns that a body sets: those it names."""
    values: dict[str, Any] = {}
    if body.get("public") is not None:
        values["public"] = flag(body, "public", default=False)
    if "file_size_limit" in body:
        values["file_size_limit"] = parse_size_limit(body["file_size_limit"], most)
    if "allowed_mime_types" in body:
        values["allowed_mime_types"] = parse_allowed_mimes(body["allowed_mime_types"])
    return values
