"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import Docs, Parameter, shape

ADDRESSES = {"type": "array", "items": {"type": "string"}}
KEPT = shape(id={"type": "string", "format": "uuid"}, recipients=ADDRESSES, duplicate={"type": "boolean"})
RECIPIENT = Parameter("rcpt", "an envelope recipient", {"type": "string", "minLength": 1}, required=True, repeated=True)

RECEIVE = Docs(
    ("inboundSecret",),
    {202: shape(mails={"type": "array", "items": KEPT, "minItems": 1}, unknown=ADDRESSES)},
    {400: ("recipient_missing", "too_many_recipients"), 401: ("unauthorized",), 404: ("unknown_address",)},
    (RECIPIENT, Parameter("from", "the envelope sender; empty for the null sender")),
)
