"""Files in Supabase Storage, through the official client, as a role that may do nothing else."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any
from uuid import UUID

from chalicelib.kit.settings import settings

TOKEN_SECONDS = 600


def put(organization_id: UUID, bucket: str, path: str, body: bytes, content_type: str) -> None:
    """Keep `body` under `path`; the same path again is replaced, so a repeated attempt does no harm.

    Raises storage3's StorageApiError where Storage refuses.
    """
    _bucket(organization_id, bucket).upload(path, body, {"content-type": content_type, "x-upsert": "true"})


def get(organization_id: UUID, bucket: str, path: str) -> bytes:
    """Fetch what `put` has kept."""
    return bytes(_bucket(organization_id, bucket).download(path))


def upload_address(organization_id: UUID, bucket: str, path: str) -> str:
    """A signed address that takes the octets of a new file by PUT, from whoever has it, for two hours.

    Raises storage3's StorageApiError where Storage refuses.
    """
    return str(_bucket(organization_id, bucket).create_signed_upload_url(path)["signed_url"])


def remove(organization_id: UUID, bucket: str, path: str) -> None:
    """Delete a file; one that is not there is as good as deleted."""
    _bucket(organization_id, bucket).remove([path])


def _bucket(organization_id: UUID, bucket: str) -> Any:
    return _client(organization_id, int(time.time()) // (TOKEN_SECONDS // 2)).from_(bucket)


@lru_cache(maxsize=64)
def _client(organization_id: UUID, half_life: int) -> Any:
    """One client, with one pool of connections, for as long as its token is good."""
    from storage3 import SyncStorageClient

    headers = {"apikey": settings().publishable_key, "authorization": f"Bearer {_token(organization_id, half_life)}"}
    return SyncStorageClient(f"{settings().supabase_url}/storage/v1/", headers)


def _token(organization_id: UUID, _half_life: int) -> str:
    """A short token that names the tenant; policies on storage.objects compare it with the path's first folder."""
    import jwt

    key = json.loads(settings().signing_key.get_secret_value())
    now = int(time.time())
    claims = {
        "iss": "pgdesk-functions",
        "aud": "authenticated",
        "role": "pgdesk_files",
        "organization_id": str(organization_id),
        "iat": now,
        "exp": now + TOKEN_SECONDS,
    }
    return jwt.encode(claims, jwt.PyJWK(key), algorithm="ES256", headers={"kid": key["kid"]})
