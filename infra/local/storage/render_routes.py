"""Routes that send an image transformed: public, for the caller, and by a signed URL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from infra.local.settings import Keys
from infra.local.storage import signing
from infra.local.storage.callers import Caller
from infra.local.storage.errors import BytesGoneError
from infra.local.storage.images import Transformation, render
from infra.local.storage.objects import Objects
from infra.local.storage.outgoing import disposition, object_headers
from infra.local.storage.rendering import place, route

AT_ONCE = 2  # images unpacked in memory


class RenderRoutes:
    """Handlers take the request and its caller; rendering.route() makes them routes."""

    def __init__(self, objects: Objects, keys: Keys) -> None:
        self._objects = objects
        self._keys = keys
        self._turn = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        below = "/{bucket}/{key:text}"
        handlers = {"public": self.public, "authenticated": self.authenticated, "sign": self.signed}
        return [
            route(f"/render/image/{name}{below}", self._keys, {"GET": handler, "HEAD": handler}, anonymous=True)
            for name, handler in handlers.items()
        ]

    async def public(self, request: Request, caller: Caller) -> Response:
        wanted = Transformation.parse(request.query_params, "querystring")
        row = await self._objects.find_public(caller, "storage.render.image_public", *place(request))
        return await self._send(request, row, wanted)

    async def authenticated(self, request: Request, caller: Caller) -> Response:
        wanted = Transformation.parse(request.query_params, "querystring")
        row = await self._objects.find(caller.required(), "storage.render.image_authenticated", *place(request))
        return await self._send(request, row, wanted)

    async def signed(self, request: Request, caller: Caller) -> Response:
        bucket, key = place(request)
        claims = signing.verify_query(self._keys, request, signing.DOWNLOAD, f"{bucket}/{key}")
        wanted = Transformation.from_signed(str(claims.get("transformations", "")))
        row = await self._objects.find(caller, "storage.render.image_sign", bucket, key, admin=True)
        return await self._send(request, row, wanted, datetime.fromtimestamp(claims["exp"], UTC))

    async def _send(
        self, request: Request, row: dict[str, Any], wanted: Transformation, expires: datetime | None = None
    ) -> Response:
        file = await run_in_threadpool(self._objects.blobs.open, row["version"] or "")
        if file is None:
            raise BytesGoneError
        webp = "image/webp" in request.headers.get("accept", "")
        with file:
            async with self._turn:
                content, mime_type = await run_in_threadpool(render, file, wanted, webp_accepted=webp)
        headers = object_headers(row, expires, mime_type)
        if wanted.steps():
            headers["X-Transformations"] = ",".join(wanted.steps())
        if "download" in request.query_params:
            headers["Content-Disposition"] = disposition(request.query_params["download"])
        return Response(content, headers=headers)
