"""The page on which a contact fills in a form that an agent has sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import Request, Response
from chalicelib.links.page import gone, opened_by, page

SQL = queries(__file__)
# In front of the names of the form's own fields, so that none of them is taken for the token.
OWN = "field_"
# What browsers help with; what counts is checked by private.form_answer_error.
INPUTS = {"number": "text", "date": "date", "url": "url", "email": "email", "phone": "tel", "text": "text"}


def ask(request: Request) -> Response:
    """GET /form: the page that a mail's link opens. Records nothing."""
    link, fields = opened_by(request, "form")
    if link is None:
        return gone()
    with transaction(link.organization_id) as connection:
        form = one(connection, SQL["form"], {"id": link.id})
    return _page(form, fields, {}, {})


def submit(request: Request) -> Response:
    """POST /form: record the answers, once. Shows the page again where something is missing or wrong."""
    link, fields = opened_by(request, "form")
    if link is None:
        return gone()
    problems: dict[str, str] = {}
    answers: dict[str, Any] = {}
    with transaction(link.organization_id) as connection:
        form = one(connection, SQL["form"], {"id": link.id})
        if form is not None and not form["is_answered"]:
            answers = {field["key"]: _answer(field, fields.get(OWN + field["key"], [])) for field in form["fields"]}
            values = {"id": link.id, "answers": json.dumps(answers)}
            problems = (one(connection, SQL["submit_form"], values) or {}).get("problems") or {}
            form = one(connection, SQL["form"], {"id": link.id})
    return _page(form, fields, answers, problems)


def _page(
    form: dict[str, Any] | None, fields: dict[str, list[str]], answers: Mapping[str, Any], problems: Mapping[str, str]
) -> Response:
    if form is None:
        return gone()
    return page(
        "form", form | {"token": fields["token"][0], "answers": answers, "problems": problems, "inputs": INPUTS}
    )


def _answer(field: Mapping[str, Any], given: list[str]) -> Any:
    """What a browser sends for a field, with the type that it should have. What has none is left as it is."""
    if field["type"] == "multiselect":
        return given
    said = given[0].strip() if given else ""
    if field["type"] == "boolean":
        return said == "yes"
    if field["type"] == "number":
        return _number(said)
    return said or None


def _number(said: str) -> float | int | str | None:
    try:
        number = float(said.replace(",", ".")) if len(said) <= 30 else math.nan
    except ValueError:
        return said or None
    if not math.isfinite(number):
        return said
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
