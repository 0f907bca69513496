"""Storage for the stack's gateway: routes relative to /storage/v1, pools and files between start and stop."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Route

from infra.local.settings import Settings
from infra.local.storage.blobs import Blobs
from infra.local.storage.bucket_routes import BucketRoutes
from infra.local.storage.callers import Database
from infra.local.storage.list_routes import ListRoutes
from infra.local.storage.object_routes import ObjectRoutes
from infra.local.storage.objects import Objects
from infra.local.storage.other_routes import METHODS, no_such_route, other_routes
from infra.local.storage.render_routes import RenderRoutes
from infra.local.storage.resumable import Resumable
from infra.local.storage.tus_routes import TusRoutes

FOLDER = "storage"


class StorageService:
    """Buckets and objects of one database; the bytes lie in settings.data / "storage" / <database>."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings)
        self._blobs = Blobs(settings.data / FOLDER / settings.database)
        self._uploads = Resumable(settings.data / FOLDER / settings.database / "resumable")
        self._objects = Objects(self._database, self._blobs, settings.file_size_limit)
        self.routes: list[BaseRoute] = [
            *BucketRoutes(self._objects).routes(settings.keys),
            *ListRoutes(self._database).routes(settings.keys),
            *TusRoutes(self._objects, self._uploads, settings.keys).routes(),
            *RenderRoutes(self._objects, settings.keys).routes(),
            *other_routes(settings.keys),
            *ObjectRoutes(self._objects, settings.keys).routes(),
            Route("/{path:text}", no_such_route, methods=METHODS),
        ]

    async def start(self) -> None:
        """Open the pools; remove what an earlier process left half done."""
        await run_in_threadpool(self._blobs.prepare)
        await run_in_threadpool(self._uploads.prepare)
        await self._database.open()
        await self._objects.sweep()

    async def stop(self) -> None:
        await self._database.close()
