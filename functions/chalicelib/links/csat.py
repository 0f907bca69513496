"""The page on which a contact rates how they were helped."""

from __future__ import annotations

from typing import Any

from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import Request, Response
from chalicelib.links.page import gone, opened_by, page

SQL = queries(__file__)
SCORES = ("1", "2", "3", "4", "5")


def ask(request: Request) -> Response:
    """GET /csat: the page that a mail's link opens, with the score of the link chosen. Records nothing."""
    link, fields = opened_by(request, "csat")
    if link is None:
        return gone()
    with transaction(link.organization_id) as connection:
        survey = one(connection, SQL["survey"], {"id": link.id})
    if survey is None:
        return gone()
    return _page(survey, fields, score=_score(fields) or survey["score"], comment=survey["comment"] or "")


def rate(request: Request) -> Response:
    """POST /csat: record the form's score and comment. Sent again it changes what was said, until the survey is over.

    Shows the page once more, with thanks, or with what is missing.
    """
    link, fields = opened_by(request, "csat")
    if link is None:
        return gone()
    score, comment = _score(fields), (fields.get("comment") or [""])[0]
    with transaction(link.organization_id) as connection:
        if score is not None:
            connection.execute(SQL["rate"], {"id": link.id, "score": score, "comment": comment})
        survey = one(connection, SQL["survey"], {"id": link.id})
    if survey is None:
        return gone()
    return _page(survey, fields, score=score, comment=comment, is_kept=score is not None)


def _page(survey: dict[str, Any], fields: dict[str, list[str]], **shown: Any) -> Response:
    return page("csat", survey | {"token": fields["token"][0], "is_kept": None} | shown)


def _score(fields: dict[str, list[str]]) -> int | None:
    given = (fields.get("score") or [""])[0]
    return int(given) if given in SCORES else None
