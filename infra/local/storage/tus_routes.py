"""Resumable uploads: TUS 1.0.0 with creation, creation-with-upload, creation-defer-length, termination, expiration.

Each request of an upload asks the caller's policies anew. Errors are plain text with their real status, unlike the
rest of Storage.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from infra.local.settings import Keys
from infra.local.storage import names, rows, signing
from infra.local.storage.callers import Caller
from infra.local.storage.errors import StorageError
from infra.local.storage.incoming import BINARY, declared_length
from infra.local.storage.objects import Objects
from infra.local.storage.rendering import route
from infra.local.storage.resumable import Resumable, Upload
from infra.local.storage.tus_headers import (
    CONTENT_TYPE,
    EXTENSIONS,
    VERSION,
    check_headers,
    format_metadata,
    parse_metadata,
    parse_upload_id,
    tus_error,
    upload_id,
)

PATH = "/upload/resumable"
SECONDS = re.compile(r"-?[0-9]+")
COMMON = {"Tus-Resumable": VERSION}


@dataclass(frozen=True)
class Permit:
    """For whom, and by which operation, an upload goes on."""

    caller: Caller
    operation: str
    owner: str | None
    upsert: bool


class TusRoutes:
    """Handlers take the request, its caller and whether it came by a signed URL."""

    def __init__(self, objects: Objects, uploads: Resumable, keys: Keys) -> None:
        self._objects = objects
        self._uploads = uploads
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        return [made for path, signed in ((f"{PATH}/sign", True), (PATH, False)) for made in self._routes(path, signed)]

    def _routes(self, path: str, signed: bool) -> list[BaseRoute]:
        create, append = self._answer(self.create, signed), self._answer(self.append, signed)
        head, end = self._answer(self.head, signed), self._answer(self.terminate, signed)
        parts = {"POST": create, "PATCH": append, "HEAD": head, "DELETE": end, "PUT": _no_such_method}
        below = path + "/{id:text}"
        return [
            route(path, self._keys, {"OPTIONS": self.options}, anonymous=True),
            route(below, self._keys, {"OPTIONS": self.options}, anonymous=True),
            route(path, self._keys, {"POST": create}, anonymous=True),
            route(below, self._keys, parts, anonymous=True),
        ]

    async def options(self, _: Request, __: Caller) -> Response:
        headers = {"Tus-Version": VERSION, "Tus-Extension": EXTENSIONS, "Tus-Max-Size": str(self._objects.most)}
        return Response(status_code=204, headers=COMMON | headers)

    async def create(self, request: Request, caller: Caller, signed: bool) -> Response:
        upload = _declared(request)
        settings = await self._objects.bucket(caller, "storage.tus.upload.create", upload.bucket)
        limit = names.size_limit(settings["file_size_limit"], upload.key, self._objects.most)
        if upload.size is not None and upload.size > limit:
            raise tus_error(413, "Maximum size exceeded\n")
        permit = await self._permit(request, caller, signed, upload, "create")
        mime_type = upload.metadata.get("contentType")
        if mime_type:
            names.check_mime(mime_type, settings["allowed_mime_types"], upload.key)
        seconds = upload.metadata.get("cacheControl") or ""
        upload.metadata["cacheControl"] = f"max-age={seconds}" if SECONDS.fullmatch(seconds) else "no-cache"
        async with self._uploads.locked(upload.version):
            await run_in_threadpool(self._uploads.create, upload)
            headers = COMMON | {"Location": _address(request, signed, upload)}
            offset = 0
            if request.headers.get("content-type") == CONTENT_TYPE:
                offset = await self._receive(request, upload, 0, limit)
                headers["Upload-Offset"] = str(offset)
            headers |= await self._finish_or_expire(permit, upload, offset)
        return Response(status_code=201, headers=headers)

    async def append(self, request: Request, caller: Caller, signed: bool) -> Response:
        place = parse_upload_id(request.path_params["id"])
        if "upload-offset" not in request.headers:
            raise tus_error(403, "Upload-Offset header required\n")
        if "content-type" not in request.headers:
            raise tus_error(403, "Content-Type header required\n")
        permit = await self._permit(request, caller, signed, self._find(place), "part")
        settings = await self._objects.bucket(caller, permit.operation, place[0])
        limit = names.size_limit(settings["file_size_limit"], place[1], self._objects.most)
        async with self._uploads.locked(place[2]):
            upload = self._find(place)  # anew: another request may have gone on with it
            offset = self._offset(upload)
            if offset != int(request.headers["upload-offset"]):
                raise tus_error(409, "Upload-Offset conflict\n")
            await self._declare_size(request, upload, offset, limit)
            offset = await self._receive(request, upload, offset, limit)
            headers = COMMON | {"Upload-Offset": str(offset)}
            headers |= await self._finish_or_expire(permit, upload, offset)
        return Response(status_code=204, headers=headers)

    async def head(self, request: Request, caller: Caller, signed: bool) -> Response:
        place = parse_upload_id(request.path_params["id"])
        if signed:
            self._verify(request, *place[:2])
        async with self._uploads.locked(place[2]):
            upload = self._find(place)
            offset = self._offset(upload)
        headers = COMMON | {"Cache-Control": "no-store", "Upload-Offset": str(offset)}
        headers |= {"Upload-Defer-Length": "1"} if upload.size is None else {"Upload-Length": str(upload.size)}
        return Response(headers=headers | {"Upload-Metadata": format_metadata(upload.metadata)})

    async def terminate(self, request: Request, caller: Caller, signed: bool) -> Response:
        place = parse_upload_id(request.path_params["id"])
        await self._permit(request, caller, signed, self._find(place), "delete")
        async with self._uploads.locked(place[2]):
            upload = self._find(place)
            if upload.finished or self._uploads.offset(upload) == upload.size:
                raise tus_error(400, "Cannot terminate an already completed upload")
            await run_in_threadpool(self._uploads.remove, upload.version)
        return Response(status_code=204, headers=COMMON)

    async def _permit(self, request: Request, caller: Caller, signed: bool, upload: Upload, verb: str) -> Permit:
        """Raises StorageError where neither the signed URL nor, in a trial, the caller's policies allow the upload."""
        operation = f"storage.tus.upload.{verb}"
        if signed:
            claims = self._verify(request, upload.bucket, upload.key)
            return Permit(caller, operation + "_signed", claims.get("owner"), claims.get("upsert") is True)
        upsert = request.headers.get("x-upsert") == "true"
        expected: dict[str, Any] = {"mimetype": upload.metadata.get("contentType"), "contentLength": upload.size}
        expected = {name: value for name, value in expected.items() if value is not None}
        row = rows.NewObject(upload.bucket, upload.key, caller.owner, expected, upload.user_metadata)
        if not upload.finished:  # its row is there: a trial would find it in its own way
            await self._objects.check_upload(caller, operation, row, upsert=upsert)
        return Permit(caller, operation, caller.owner, upsert)

    def _verify(self, request: Request, bucket: str, key: str) -> dict[str, Any]:
        signature = request.headers.get("x-signature")
        if not signature:
            raise StorageError(400, "InvalidSignature", "Missing x-signature header")
        return signing.verify(self._keys, signature, signing.UPLOAD, f"{bucket}/{key}")

    def _find(self, place: tuple[str, str, str]) -> Upload:
        upload = self._uploads.find(*place)
        if upload is None:
            raise tus_error(404, "The file for this url was not found\n")
        return upload

    def _offset(self, upload: Upload) -> int:
        offset = self._uploads.offset(upload)
        if offset is None or upload.expires < time.time():
            raise tus_error(410, "The file for this url no longer exists\n")
        return offset

    async def _declare_size(self, request: Request, upload: Upload, offset: int, limit: int) -> None:
        """Take the length of an upload that was made without one."""
        declared = request.headers.get("upload-length")
        if declared is None:
            return
        if upload.size is not None or int(declared) < offset:
            raise tus_error(400, "Upload-Length or Upload-Defer-Length header required\n")
        if int(declared) > limit:
            raise tus_error(413, "Maximum size exceeded\n")
        upload.size = int(declared)
        await run_in_threadpool(self._uploads.save, upload)

    async def _receive(self, request: Request, upload: Upload, offset: int, limit: int) -> int:
        """Take the request's bytes and return the new offset. Raises TusError where they are more than was declared."""
        most = (limit if upload.size is None else upload.size) - offset
        if (declared_length(request) or 0) > most:
            raise tus_error(413, "upload's size exceeded\n")
        if upload.finished:
            return offset
        if not await self._uploads.append(upload, request.stream(), most):
            raise tus_error(413, "upload's size exceeded\n")
        return self._offset(upload)

    async def _finish_or_expire(self, permit: Permit, upload: Upload, offset: int) -> dict[str, str]:
        """Make the object where all bytes are there; the headers that say so, or until when they may come."""
        if offset != upload.size:
            return {"Upload-Expires": formatdate(upload.expires, usegmt=True)}
        if not upload.finished:
            row = rows.NewObject(upload.bucket, upload.key, permit.owner, {}, upload.user_metadata)
            bytes_, metadata = self._uploads.bytes_of(upload), upload.metadata
            await self._objects.adopt(
                permit.caller, permit.operation, row, bytes_, metadata.get("contentType") or BINARY,
                metadata.get("cacheControl") or "no-cache", upsert=permit.upsert,
            )  # fmt: skip
            upload.finished = True
            await run_in_threadpool(self._uploads.save, upload)
        return {"Tus-Complete": "1"}

    def _answer(
        self, handler: Callable[[Request, Caller, bool], Awaitable[Response]], signed: bool
    ) -> Callable[[Request, Caller], Awaitable[Response]]:
        async def answer(request: Request, caller: Caller) -> Response:
            if not signed:
                caller.required()
            try:
                check_headers(request.headers, request.method)
                return await handler(request, caller, signed)
            except StorageError as error:
                return Response(error.message, error.status, headers=COMMON, media_type="text/plain")

        return answer


def _declared(request: Request) -> Upload:
    """The upload that a creation asks for. Raises StorageError where it does not say enough."""
    headers = request.headers
    if "upload-concat" in headers:
        message = "Concatenation extension is not (yet) supported. Disable parallel uploads in the tus client.\n"
        raise tus_error(501, message)
    if ("upload-length" in headers) == ("upload-defer-length" in headers):
        raise tus_error(400, "Upload-Length or Upload-Defer-Length header required\n")
    metadata = parse_metadata(headers.get("upload-metadata", ""))
    if metadata is None:
        raise StorageError(400, "InvalidRequest", "Metadata header is required")
    bucket, key = names.check_bucket(metadata.get("bucketName")), names.check_key(metadata.get("objectName") or "")
    return Upload(bucket, key, int(headers["upload-length"]) if "upload-length" in headers else None, metadata)


def _address(request: Request, signed: bool, upload: Upload) -> str:
    base = f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}{PATH}{'/sign' if signed else ''}"
    return f"{base}/{upload_id(upload.bucket, upload.key, upload.version)}"


async def _no_such_method(_: Request, __: Caller) -> Response:
    return Response("Not found\n", 404, headers=COMMON, media_type="text/plain")
