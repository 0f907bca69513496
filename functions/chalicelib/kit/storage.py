"""Files in Supabase Storage, through the official client, as a role that may do nothing else."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

from chalicelib.kit.issuer import TOKEN_SECONDS, Kind, issue
from chalicelib.kit.settings import settings

# What will pass, or is the operator's to mend: a token not believed (a clock, a key), too much, a server in trouble.
_PASSING = {401, 403, 408, 429}


# What a browser shows and does not run.
_INERT = re.compile(r"image/(?:png|jpeg|gif|webp)|application/pdf|text/plain|audio/[\w.+-]+|video/[\w.+-]+")


class Away(Exception):  # noqa: N818  a moment, not a defect
    """Storage cannot be reached or does not serve us now. The file is not to blame: try again."""


def given_out_as(kind: str) -> str:
    """The content type by which a file of this type is kept, and so answered: what is not inert is a download."""
    return kind if _INERT.fullmatch(kind) else "application/octet-stream"


def put(organization_id: UUID, bucket: str, path: str, body: bytes, content_type: str) -> None:
    """Keep `body` under `path`; the same path again is replaced, so a repeated attempt does no harm.

    Raises Away, and storage3's StorageApiError where Storage refuses this file.
    """
    with _reaching():
        _bucket(organization_id, bucket).upload(path, body, {"content-type": content_type, "x-upsert": "true"})


def get(organization_id: UUID, bucket: str, path: str) -> bytes:
    """Fetch what `put` has kept. Raises Away, and storage3's StorageApiError where there is no such file."""
    with _reaching():
        return bytes(_bucket(organization_id, bucket).download(path))


def upload_address(organization_id: UUID, bucket: str, path: str) -> str:
    """A signed address that takes the octets of a new file by PUT, from whoever has it, for two hours.

    Raises storage3's StorageApiError where Storage refuses.
    """
    return str(_bucket(organization_id, bucket).create_signed_upload_url(path)["signed_url"])


def remove(organization_id: UUID, bucket: str, path: str) -> None:
    """Delete a file; one that is not there is as good as deleted."""
    _bucket(organization_id, bucket).remove([path])


@contextmanager
def _reaching() -> Iterator[None]:
    import httpx
    from storage3.exceptions import StorageApiError

    try:
        yield
    except httpx.TransportError as error:
        raise Away(f"{type(error).__name__}: {error}") from error
    except StorageApiError as error:
        status = int(error.status) if str(error.status).isdigit() else 500
        if status in _PASSING or status >= 500:
            raise Away(f"{status}: {error.message}") from error
        raise


def _bucket(organization_id: UUID, bucket: str) -> Any:
    return _client(organization_id, int(time.time()) // (TOKEN_SECONDS // 2)).from_(bucket)


@lru_cache(maxsize=64)
def _client(organization_id: UUID, _half_life: int) -> Any:
    """One client, with one pool of connections, for as long as its token is good."""
    from storage3 import SyncStorageClient

    # Policies on storage.objects compare the token's tenant with a path's first folder.
    token = issue(Kind.FILES, organization_id)
    headers = {"apikey": settings().publishable_key, "authorization": f"Bearer {token}"}
    return SyncStorageClient(f"{settings().supabase_url}/storage/v1/", headers)
