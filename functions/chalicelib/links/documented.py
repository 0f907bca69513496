"""What docs/openapi.json says of this area's routes."""

from __future__ import annotations

from chalicelib.kit.http import PAGE, Docs, Parameter

TEXT = {"type": "string"}
# What is missing or wrong in a form is told on the page.
FIELDS = {"type": "object", "properties": {"token": TEXT}}
FORM = ("application/x-www-form-urlencoded",)
TOKEN = Parameter("token", "the signed token of the mail's link", TEXT)

ASK = Docs((None,), {200: PAGE}, query=(TOKEN, Parameter("score", "what the form has chosen, 1 to 5", TEXT)))
RATE = Docs((None,), {200: PAGE}, {400: ("malformed",)}, body=FIELDS)

ASK_STOP = Docs((None,), {200: PAGE}, query=(TOKEN,))
STOP = Docs((None,), {200: PAGE}, {400: ("malformed",)}, query=(TOKEN,), body=FIELDS)

ASK_FORM = Docs((None,), {200: PAGE}, query=(TOKEN,))
SUBMIT = Docs((None,), {200: PAGE}, {400: ("malformed",)}, body=FIELDS)
