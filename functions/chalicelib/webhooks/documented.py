"""What docs/openapi.json says of this area's routes, and what their bodies may hold."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.kit.http import Docs, shape

Filter = Annotated[str, Field(pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$")]


class NewEndpoint(BaseModel):
    """Where events of an organization are to be told."""

    model_config = ConfigDict(extra="forbid")

    organization_id: UUID
    url: str = Field(min_length=1, max_length=2000, description="https, on the public internet")
    description: str = Field(default="", max_length=500)
    event_types: list[Filter] = Field(
        default=["*"], min_length=1, max_length=100, description="types of events, `ticket.*` for all of a kind, or `*`"
    )
    is_ordered: bool = Field(default=False, description="one after the other; a failure holds up the rest")
    has_data: bool = Field(default=False, description="the event's data too, not ids only")


INSTANT = {"type": "string", "format": "date-time"}
SECRET = {"type": "string", "description": "whsec_ and base64: shown this once"}
ID = {"type": "string", "format": "uuid"}
ERRORS: dict[int, tuple[str, ...]] = {401: ("unauthorized", "token_expired"), 403: ("forbidden",)}

CREATE = Docs(
    ("accessToken",),
    {
        201: shape(
            id=ID,
            organization_id=ID,
            url={"type": "string"},
            description={"type": "string"},
            event_types={"type": "array", "items": {"type": "string"}},
            is_ordered={"type": "boolean"},
            has_data={"type": "boolean"},
            created_at=INSTANT,
            secret=SECRET,
        )
    },
    {400: ("bad_request",), **ERRORS, 409: ("too_many_endpoints",), 422: ("url_refused",)},
    body=NewEndpoint,
)
ROTATE = Docs(
    ("accessToken",),
    {200: shape(id=ID, secret=SECRET, previous_expires_at=INSTANT)},
    {**ERRORS, 404: ("unknown_endpoint",)},
)
