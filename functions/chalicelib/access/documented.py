"""What docs/openapi.json says of this area's routes, and what their bodies may hold."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chalicelib.kit.http import Docs, shape


def _plain(value: object) -> object:
    return value.removeprefix("wdg_") if isinstance(value, str) else value


class Opening(BaseModel):
    """A widget that somebody opens. The page is known by its Origin, which browsers send of themselves."""

    model_config = ConfigDict(extra="forbid")

    widget: Annotated[UUID, BeforeValidator(_plain)]
    secret: str | None = Field(default=None, pattern=r"^pgv_[0-9a-f]{64}$", description="of an answer before")
    identity: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="the site's word on who it is: a JWT (HS256, the widget's secret) with exp, and sub or email",
    )


ID = {"type": "string", "format": "uuid"}
COMMON: dict[str, Any] = {
    "access_token": {"type": "string", "description": "a JWT for the Supabase API"},
    "token_type": {"const": "Bearer"},
    "expires_in": {"type": "integer", "minimum": 0, "maximum": 600, "description": "seconds"},
}
TOKEN = Docs(
    ("apiKey",),
    {200: shape(**COMMON, scope={"type": "string", "description": "the key's scopes, with spaces between"})},
    {401: ("unauthorized",)},
)
OF_VISITOR = shape(
    **COMMON,
    scope={"const": "visitor"},
    organization_id=ID,
    contact_id={"anyOf": [ID, {"type": "null"}], "description": "null until the visitor has said something"},
    greeting={"type": "string", "description": "what the widget says first; empty: words of its own"},
    is_open={"type": ["boolean", "null"], "description": "by the default opening hours; null: there are none"},
    opens_at={
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
        "description": "when it opens next, where it is closed and that is within two weeks",
    },
    visitor_secret={"type": "string", "description": "for the widget to keep; none where the site vouches"},
)
OF_VISITOR["required"].remove("visitor_secret")
VISITOR_TOKEN = Docs(
    (None,),
    {200: OF_VISITOR},
    {
        400: ("bad_request",),
        401: ("identity_needed", "identity_refused"),
        403: ("origin_refused",),
        404: ("unknown_widget",),
    },
    body=Opening,
)
WIDGET_SECRET = Docs(
    ("accessToken",),
    {200: shape(id=ID, secret={"type": "string", "description": "pgi_…: shown this once"})},
    {401: ("unauthorized", "token_expired"), 403: ("forbidden",), 404: ("unknown_widget",)},
)
