"""What docs/openapi.json says of this area's routes, and what their bodies may hold."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.kit.http import Docs, shape

ERRORS: dict[int, tuple[str, ...]] = {401: ("unauthorized", "token_expired"), 403: ("forbidden",)}


class SensitiveValue(BaseModel):
    """What a sensitive field of a contact is to hold; null takes its value away."""

    model_config = ConfigDict(extra="forbid")

    value: str | None = Field(min_length=1, max_length=4000)


class Lookup(BaseModel):
    """Which value is looked for, in which field. Spaces, dashes and case make no difference."""

    model_config = ConfigDict(extra="forbid")

    organization_id: UUID
    key: str = Field(min_length=1, max_length=40)
    value: str = Field(min_length=1, max_length=4000)


WRITE = Docs(
    ("accessToken",), {204: None}, {400: ("bad_request",), **ERRORS, 404: ("unknown_field",)}, body=SensitiveValue
)
READ = Docs(
    ("accessToken",),
    {200: shape(value={"type": ["string", "null"]})},
    {**ERRORS, 404: ("unknown_field",)},
)
FIND = Docs(
    ("accessToken",),
    {200: shape(contact_ids={"type": "array", "items": {"type": "string", "format": "uuid"}})},
    {400: ("bad_request",), **ERRORS, 404: ("unknown_field",)},
    body=Lookup,
)
