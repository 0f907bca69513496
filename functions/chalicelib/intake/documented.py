"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import Docs, Parameter, shape

ADDRESSES = {"type": "array", "items": {"type": "string"}}
KEPT = shape(id={"type": "string", "format": "uuid"}, recipients=ADDRESSES, duplicate={"type": "boolean"})
RECIPIENT = Parameter("rcpt", "an envelope recipient", {"type": "string", "minLength": 1}, required=True, repeated=True)

FETCHED = shape(id={"type": "string", "format": "uuid"}, upload={"type": "string"}, recipients=ADDRESSES)
UPLOAD = shape(upload={"type": "string"}, url={"type": "string", "format": "uri"}, recipients=ADDRESSES)
WEBHOOK = shape(status={"enum": ["taken", "repeated", "ignored", "confirmed"]})
TEXT = {"type": "string"}

RECEIVE = Docs(
    ("inboundSecret",),
    {
        202: {
            "oneOf": [
                shape(mails={"type": "array", "items": KEPT, "minItems": 1}, unknown=ADDRESSES),
                shape(
                    mails={"type": "array", "maxItems": 0},
                    fetching={"type": "array", "items": FETCHED, "minItems": 1},
                    unknown=ADDRESSES,
                ),
            ]
        }
    },
    {
        400: ("recipient_missing", "too_many_recipients", "body_and_upload", "several_organizations"),
        401: ("unauthorized",),
        404: ("unknown_address", "unknown_upload"),
        413: ("too_large",),
    },
    (
        RECIPIENT,
        Parameter("from", "the envelope sender; empty for the null sender"),
        Parameter("upload", "what /inbound/uploads granted; the body is empty then"),
    ),
)
UPLOADS = Docs(
    ("inboundSecret",),
    {201: shape(uploads={"type": "array", "items": UPLOAD, "minItems": 1}, unknown=ADDRESSES)},
    {400: ("recipient_missing", "too_many_recipients"), 401: ("unauthorized",), 404: ("unknown_address",)},
    (RECIPIENT,),
)
RESEND = Docs(
    ("svixSignature",),
    {200: WEBHOOK},
    {400: ("malformed",), 401: ("bad_signature",), 413: ("too_large",)},
    body=shape(type=TEXT, created_at=TEXT, data={"type": "object"}),
)
# The signature stands in the form itself.
MAILGUN = Docs(
    (None,),
    {200: WEBHOOK},
    {400: ("malformed",), 401: ("bad_signature",)},
    body={
        "type": "object",
        "properties": dict.fromkeys(
            ("timestamp", "token", "signature", "recipient", "sender", "body-mime", "message-url"), TEXT
        ),
        "required": ["timestamp", "token", "signature"],
    },
)
SES = Docs(
    (None,),
    {200: WEBHOOK},
    {
        400: ("malformed",),
        401: ("bad_signature",),
        403: ("other_topic", "other_bucket"),
        413: ("too_large",),
    },
)
