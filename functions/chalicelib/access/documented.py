"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import Docs, shape

TOKEN = Docs(
    ("apiKey",),
    {
        200: shape(
            access_token={"type": "string", "description": "a JWT for the Supabase API"},
            token_type={"const": "Bearer"},
            expires_in={"type": "integer", "minimum": 0, "maximum": 600, "description": "seconds"},
            scope={"type": "string", "description": "the key's scopes, with spaces between"},
        )
    },
    {401: ("unauthorized",)},
)
