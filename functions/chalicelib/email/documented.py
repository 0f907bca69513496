"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import Docs, shape

TEXT, OBJECT = {"type": "string"}, {"type": "object"}
ANSWERS = {200: shape(status={"enum": ["noted", "repeated", "unmatched", "ignored"]})}
ERRORS = {400: ("malformed",), 401: ("bad_signature",)}
# Providers add fields as they please, and what is not about a mail of ours is ignored whatever it holds.
RESEND_BODY = {"type": "object", "required": ["type"], "properties": {"type": TEXT}}
MAILGUN_BODY = {
    "type": "object",
    "required": ["signature", "event-data"],
    "properties": {"signature": shape(timestamp=TEXT, token=TEXT, signature=TEXT), "event-data": OBJECT},
}

RESEND = Docs(("svixSignature",), ANSWERS, ERRORS, body=RESEND_BODY)
MAILGUN = Docs((None,), ANSWERS, ERRORS, body=MAILGUN_BODY)
