"""The page on which a member stops the mails that tell them of news; mail programs do it by themselves (RFC 8058)."""

from __future__ import annotations

from chalicelib.kit.database import one, queries, transaction
from chalicelib.kit.http import Request, Response
from chalicelib.links.page import gone, opened_by, page

SQL = queries(__file__)
BECAUSE = "by the link of a mail"


def ask(request: Request) -> Response:
    """GET /notices: the page that a notification mail's link opens. Changes nothing."""
    return _answer(request, stop=False)


def stop(request: Request) -> Response:
    """POST /notices: no more notification mails to the link's member. What the app tells goes on."""
    return _answer(request, stop=True)


def _answer(request: Request, *, stop: bool) -> Response:
    link, fields = opened_by(request, "notices")
    if link is None:
        return gone()
    with transaction(link.organization_id) as connection:
        if stop:
            connection.execute(SQL["stop_notices"], {"user_id": link.id, "because": BECAUSE})
        member = one(connection, SQL["member"], {"user_id": link.id})
    return page("notices", member | {"token": fields["token"][0], "is_stopped": stop}) if member else gone()
