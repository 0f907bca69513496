"""Routes of objects: upload, read, sign, list, copy, move, remove. Names of operations are the platform's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from infra.local.settings import Keys
from infra.local.storage import rows, signing
from infra.local.storage.bodies import flag, number, read_json, text, texts
from infra.local.storage.callers import Caller
from infra.local.storage.errors import BytesGoneError, invalid_parameter, malformed, no_such_bucket
from infra.local.storage.images import Transformation
from infra.local.storage.incoming import header_metadata, read_upload
from infra.local.storage.names import check_header, check_mime
from infra.local.storage.objects import Objects
from infra.local.storage.outgoing import send_object
from infra.local.storage.rendering import info_response, object_json, place, route

ATTEMPTS = 5
MAX_OBJECTS = 1000  # signed in one request
NO_ACCESS = "Either the object does not exist or you do not have access to it"


class ObjectRoutes:
    """Handlers take the request and its caller; rendering.route() makes them routes."""

    def __init__(self, objects: Objects, keys: Keys) -> None:
        self._objects = objects
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        keys, below = self._keys, "/{bucket}/{key:text}"
        return [
            route("/object/move", keys, {"POST": self.move}),
            route("/object/copy", keys, {"POST": self.copy}),
            route("/object/sign/{bucket}", keys, {"POST": self.sign_many}),
            route("/object/sign" + below, keys, {"POST": self.sign}),
            route("/object/sign" + below, keys, {"GET": self.download_signed}, anonymous=True),
            route("/object/upload/sign" + below, keys, {"POST": self.sign_upload}),
            route("/object/upload/sign" + below, keys, {"PUT": self.upload_signed}, anonymous=True),
            route("/object/info/public" + below, keys, {"GET": self.info_public}, anonymous=True),
            route("/object/info/authenticated" + below, keys, {"GET": self.info}),
            route("/object/info" + below, keys, {"GET": self.info}, anonymous=True),
            route("/object/public" + below, keys, {"GET": self.read_public, "HEAD": self.read_public}, anonymous=True),
            route("/object/authenticated" + below, keys, {"GET": self.read, "HEAD": self.read}),
            route("/object/{bucket}", keys, {"DELETE": self.remove_many}),
            route("/object" + below, keys, {"GET": self.read, "HEAD": self.read}, anonymous=True),
            route("/object" + below, keys, {"POST": self.create, "PUT": self.update, "DELETE": self.remove}),
        ]

    async def create(self, request: Request, caller: Caller) -> Response:
        upsert = request.headers.get("x-upsert") == "true"
        return await self._upload(request, caller, "storage.object.upload", upsert=upsert)

    async def update(self, request: Request, caller: Caller) -> Response:
        return await self._upload(request, caller, "storage.object.upload_update", upsert=True)

    async def upload_signed(self, request: Request, caller: Caller) -> Response:
        bucket, key = place(request)
        claims = signing.verify_query(self._keys, request, signing.UPLOAD, f"{bucket}/{key}")
        await self._objects.upload(
            caller, "storage.object.upload_signed", bucket, key, await read_upload(request),
            upsert=claims.get("upsert") is True, owner=claims.get("owner"), trusted=True,
        )  # fmt: skip
        return JSONResponse({"Key": f"{bucket}/{key}"})

    async def _upload(self, request: Request, caller: Caller, operation: str, *, upsert: bool) -> Response:
        bucket, key = place(request)
        row = await self._objects.upload(
            caller, operation, bucket, key, await read_upload(request), upsert=upsert, owner=caller.owner
        )
        return JSONResponse({"Id": str(row["id"]), "Key": f"{bucket}/{key}"})

    async def read(self, request: Request, caller: Caller) -> Response:
        head = request.method == "HEAD"
        operation = "object.head_authenticated_info" if head else "storage.object.get_authenticated"
        return await self._send(request, lambda: self._visible(request, caller, operation))

    async def read_public(self, request: Request, caller: Caller) -> Response:
        operation = "storage.object.info_public" if request.method == "HEAD" else "storage.object.get_public"
        return await self._send(request, lambda: self._objects.find_public(caller, operation, *place(request)))

    async def download_signed(self, request: Request, caller: Caller) -> Response:
        bucket, key = place(request)
        claims = signing.verify_query(self._keys, request, signing.DOWNLOAD, f"{bucket}/{key}")
        return await self._send(
            request,
            lambda: self._objects.find(caller, "storage.object.get_signed", bucket, key, admin=True),
            expires=datetime.fromtimestamp(claims["exp"], UTC),
        )

    async def _send(
        self, request: Request, find: Callable[[], Awaitable[dict[str, Any]]], expires: datetime | None = None
    ) -> Response:
        """Send what `find` finds; look again while a writer replaces it between the row and the bytes."""
        head = request.method == "HEAD"
        for _ in range(ATTEMPTS - 1):
            with suppress(BytesGoneError):
                return await send_object(request, self._objects.blobs, await find(), expires=expires, head=head)
        return await send_object(request, self._objects.blobs, await find(), expires=expires, head=head)

    async def info(self, request: Request, caller: Caller) -> Response:
        return info_response(await self._visible(request, caller, "object.get_authenticated_info"))

    async def info_public(self, request: Request, caller: Caller) -> Response:
        return info_response(await self._objects.find_public(caller, "storage.object.info_public", *place(request)))

    async def _visible(self, request: Request, caller: Caller, operation: str) -> dict[str, Any]:
        """The object if the bucket is public, or policies show it to the caller."""
        bucket, key = place(request)
        public = (await self._objects.bucket(caller, operation, bucket))["public"]
        if not public and not caller.authenticated:
            raise no_such_bucket()
        return await self._objects.find(caller, operation, bucket, key, admin=public)

    async def sign(self, request: Request, caller: Caller) -> Response:
        bucket, key = place(request)
        body = await read_json(request)
        seconds = _seconds(body)
        transform = body.get("transform") or {}
        if not isinstance(transform, dict):
            raise malformed("body/transform must be object")
        steps = ",".join(Transformation.parse(transform, "body/transform").steps(signed=True))
        await self._objects.find(caller, "storage.object.sign", bucket, key)
        return JSONResponse({"signedURL": self._download_url(bucket, key, seconds, steps)})

    async def sign_many(self, request: Request, caller: Caller) -> Response:
        bucket = request.path_params["bucket"]
        body = await read_json(request)
        seconds, paths = _seconds(body), texts(body, "paths", MAX_OBJECTS)
        async with self._objects.database.as_caller(caller, "storage.object.sign_many") as db:
            seen = await rows.find_names(db, bucket, paths)
        answer = [
            {"error": None, "path": path, "signedURL": self._download_url(bucket, path, seconds)}
            if path in seen
            else {"error": NO_ACCESS, "path": path, "signedURL": None}
            for path in paths
        ]
        return JSONResponse(answer)

    async def sign_upload(self, request: Request, caller: Caller) -> Response:
        bucket, key = place(request)
        upsert = request.headers.get("x-upsert") == "true"
        await self._objects.bucket(caller, "storage.object.sign_upload_url", bucket)
        row = rows.NewObject(bucket, key, caller.owner, {}, header_metadata(request))
        await self._objects.check_upload(caller, "storage.object.sign_upload_url", row, upsert=upsert)
        path, seconds = f"{bucket}/{key}", signing.UPLOAD_SECONDS
        token = signing.sign(self._keys, signing.UPLOAD, path, seconds, owner=caller.owner, upsert=upsert)
        return JSONResponse({"url": f"/object/upload/sign/{path}?token={token}", "token": token})

    async def copy(self, request: Request, caller: Caller) -> Response:
        body = await read_json(request)
        source_bucket, bucket = _buckets(body)
        key = text(body, "destinationKey")
        source = await self._objects.find(caller, "storage.object.copy", source_bucket, text(body, "sourceKey"))
        metadata, user_metadata = dict(source["metadata"] or {}), source["user_metadata"]
        if not flag(body, "copyMetadata", default=True):
            metadata |= _new_metadata(body.get("metadata"), key)
            user_metadata = header_metadata(request)
        row = await self._objects.copy(
            caller, "storage.object.copy", source, bucket, key,
            upsert=request.headers.get("x-upsert") == "true", metadata=metadata, user_metadata=user_metadata,
        )  # fmt: skip
        return JSONResponse({"Id": str(row["id"]), "Key": f"{bucket}/{key}"} | object_json(row))

    async def move(self, request: Request, caller: Caller) -> Response:
        body = await read_json(request)
        source_bucket, bucket = _buckets(body)
        source, key = text(body, "sourceKey"), text(body, "destinationKey")
        row = await self._objects.move(caller, "storage.object.move", source_bucket, source, bucket, key)
        return JSONResponse({"message": "Successfully moved", "Id": str(row["id"]), "Key": row["name"]})

    async def remove(self, request: Request, caller: Caller) -> Response:
        await self._objects.remove_one(caller, "storage.object.delete", *place(request))
        return JSONResponse({"message": "Successfully deleted"})

    async def remove_many(self, request: Request, caller: Caller) -> Response:
        keys = texts(await read_json(request), "prefixes")
        bucket = request.path_params["bucket"]
        removed = await self._objects.remove(caller, "storage.object.delete_many", bucket, keys)
        return JSONResponse([object_json(row) for row in removed])

    def _download_url(self, bucket: str, key: str, seconds: int, steps: str = "") -> str:
        # Not percent-encoded: the official clients do that to the whole address.
        path = f"{bucket}/{key}"
        claims = {"transformations": steps} if steps else {}
        token = signing.sign(self._keys, signing.DOWNLOAD, path, seconds, **claims)
        return f"/{'render/image' if steps else 'object'}/sign/{path}?token={token}"


def _buckets(body: dict[str, Any]) -> tuple[str, str]:
    source = text(body, "bucketId")
    return source, text(body, "destinationBucket", "") or source


def _seconds(body: dict[str, Any]) -> int:
    if "expiresIn" not in body:
        raise malformed("body must have required property 'expiresIn'")
    seconds = number(body["expiresIn"], "body/expiresIn", 0, 1, signing.MAX_SECONDS + 1)
    if seconds > signing.MAX_SECONDS:
        raise invalid_parameter("Invalid Parameter expiresIn")
    return seconds


def _new_metadata(value: Any, key: str) -> dict[str, Any]:
    """Type and caching that a copy gets in place of its source's."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed("body/metadata must be object")
    changed: dict[str, Any] = {}
    if value.get("mimetype") is not None:
        changed["mimetype"] = check_mime(text(value, "mimetype"), None, key)
    if value.get("cacheControl") is not None:
        changed["cacheControl"] = check_header("cache-control", text(value, "cacheControl"))
    return changed
