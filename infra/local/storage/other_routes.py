"""Routes beside buckets and objects: health, the cache's purge, and what is answered where there is no route."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.settings import Keys
from infra.local.storage.callers import Caller
from infra.local.storage.rendering import route

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def other_routes(keys: Keys) -> list[BaseRoute]:
    purges = ("/cdn", "/cdn/", "/cdn/{bucket}", "/cdn/{bucket}/{key:text}")
    return [
        Route("/status", _status),
        Route("/health", _health),
        *(route(path, keys, {"DELETE": _purge}) for path in purges),
    ]


async def no_such_route(request: Request) -> Response:
    path = request.url.path.removeprefix(request.scope["root_path"])
    message = f"Route {request.method}:{path} not found"
    body = {"statusCode": "404", "code": "InvalidRequest", "error": "Not Found", "message": message}
    return JSONResponse(body, 404)


async def _status(_: Request) -> Response:
    return Response(status_code=200)


async def _health(_: Request) -> Response:
    return JSONResponse({"healthy": True})


async def _purge(_: Request, caller: Caller) -> Response:
    """There is no cache in front of this Storage: everything is purged already."""
    caller.require_service_role()
    return JSONResponse({"message": "success", "statusCode": "200"})
