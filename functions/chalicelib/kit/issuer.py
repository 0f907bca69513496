"""The one issuer of short tokens. The project takes them like its own: their ES256 key is imported into its keys."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from chalicelib.kit.settings import settings

TOKEN_SECONDS = 600


class Kind(Enum):
    """What a token is for; its value is the database role that speaks with it."""

    FILES = "pgdesk_files"  # the functions' own calls of Storage
    API_KEY = "pgdesk_api_key"  # a program that has shown its key
    VISITOR = "pgdesk_visitor"  # who has a widget open, on a page where it may stand


def issue(
    kind: Kind, organization_id: UUID, claims: Mapping[str, str] | None = None, seconds: float = TOKEN_SECONDS
) -> str:
    """A token of `kind` for one organization that also says `claims`, good for `seconds`, at most TOKEN_SECONDS."""
    import jwt

    key_id, key = _key(settings().signing_key.get_secret_value())
    now = int(time.time())
    told = {
        **(claims or {}),
        "iss": "pgdesk-functions",
        "aud": "authenticated",
        "role": kind.value,
        "organization_id": str(organization_id),
        "iat": now,
        "exp": now + int(min(seconds, TOKEN_SECONDS)),
    }
    return jwt.encode(told, key, algorithm="ES256", headers={"kid": key_id})


@lru_cache(maxsize=1)
def _key(jwk: str) -> tuple[str, Any]:
    import jwt

    told = json.loads(jwk)
    return told["kid"], jwt.PyJWK(told)
