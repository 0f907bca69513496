"""Visitors of a site: who opens a widget gets a short token; nothing is written down until they say something.

A visitor is the secret that their widget keeps, or who the site says they are. The database knows them by an id made of
that (sql/62_chat.sql): there is nothing to store for whoever only looks, and nothing stored from which a secret could
be had.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import psycopg

from chalicelib.access.documented import Opening
from chalicelib.kit import rates
from chalicelib.kit.caller import acting, caller
from chalicelib.kit.database import call, one, queries
from chalicelib.kit.http import HttpError, Request, Response, body_as, json_response, unstored
from chalicelib.kit.issuer import TOKEN_SECONDS, Kind, issue
from chalicelib.kit.logging import log
from chalicelib.kit.secrets import Unreadable, opening_key, sealing_key_for_caller

SQL = queries(__file__)
SECRETS = "private.widget_secrets"
# Tokens a minute: for one address, behind which an office may sit, and for all that open one widget.
PER_ADDRESS, PER_WIDGET = 60, 1000
# A site's word on who somebody is must not be worth much to who finds it later.
LONGEST_WORD = 24 * 3600
LEEWAY = 30
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def token(request: Request) -> Response:
    """POST /token/visitor: a token for the Supabase API for who opens a widget, from a page where it may stand.

    It is good for ten minutes. With the secret of an answer before, or the site's word on who it is, it is the same
    visitor's as before.
    """
    asked = body_as(Opening, request)
    rates.take(f"visitors from {request.address}", PER_ADDRESS)
    rates.take(f"visitors of {asked.widget}", PER_WIDGET)
    widget = call(SQL["open_widget"], {"widget_id": asked.widget, "origin": request.headers.get("origin", "")})
    if widget is None:
        raise HttpError(404, "unknown_widget", "there is no such widget, or it is switched off")
    if not widget["is_home"]:
        hint = "Add the page's host to the widget's domains."
        raise HttpError(403, "origin_refused", "the widget may not stand on this page", hint)
    organization: UUID = widget["organization_id"]
    claims = {"widget_id": str(asked.widget)}
    answer: dict[str, Any] = {}
    if asked.identity is not None:
        claims |= _vouched(asked.identity, organization, widget)
    elif widget["needs_identity"]:
        raise HttpError(401, "identity_needed", "this widget is for visitors whom the site vouches for")
    else:
        secret = asked.secret or f"pgv_{secrets.token_hex(32)}"
        claims["visitor_id"] = str(_id("secret", organization, secret))
        answer["visitor_secret"] = secret
    greeted = call(
        SQL["greet_visitor"],
        {"visitor_id": UUID(claims["visitor_id"]), "widget_id": asked.widget, "email": claims.get("email")},
        organization,
    )
    answer |= {
        "access_token": issue(Kind.VISITOR, organization, claims),
        "token_type": "Bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": "visitor",
        "organization_id": str(organization),
        "contact_id": greeted and greeted["contact_id"] and str(greeted["contact_id"]),
        "greeting": widget["greeting"],
        "is_open": widget["is_open"],
        "opens_at": widget["opens_at"] and widget["opens_at"].isoformat(),
    }
    return unstored(json_response(200, answer))


def new_secret(request: Request) -> Response:
    """POST /widgets/{widget_id}/secret: a new secret with which the site vouches for its users. For admins, with the
    access token of a user.

    The old one ends at once. Answers 200 with the new one, which is never shown again.
    """
    who = caller(request)
    try:
        widget_id = UUID(request.parameters.get("widget_id", "").removeprefix("wdg_"))
    except ValueError:
        raise HttpError(404, "unknown_widget", "there is no such widget") from None
    try:
        with acting(who) as connection:
            place = one(connection, SQL["administered_widget"], {"widget_id": widget_id})
        assert place is not None
        key = sealing_key_for_caller(place["organization_id"], "visitors")
        secret, secret_id = f"pgi_{secrets.token_hex(32)}", uuid4()
        values = {
            "widget_id": widget_id,
            "secret_id": secret_id,
            "sealed": key.seal(SECRETS, secret_id, secret),
            "key_version": key.version,
        }
        with acting(who) as connection:
            connection.execute(SQL["set_widget_secret"], values)
    except psycopg.errors.InsufficientPrivilege:
        raise HttpError(403, "forbidden", "widgets are for admins of the organization") from None
    except psycopg.ProgrammingError as error:
        if error.sqlstate != "PT404":
            raise
        raise HttpError(404, "unknown_widget", "there is no such widget") from None
    return unstored(json_response(200, {"id": str(widget_id), "secret": secret}))


def _vouched(word: str, organization: UUID, widget: Mapping[str, Any]) -> dict[str, str]:
    """Who the site says it is, as claims. Raises HttpError 401 where the word is not the site's, or no longer good."""
    import jwt

    if widget["sealed"] is None:
        raise HttpError(401, "identity_refused", "the widget has no secret to vouch with", "Make one.")
    try:
        key = opening_key(organization, widget["key_version"])
        secret = key.open(SECRETS, widget["secret_id"], bytes(widget["sealed"]))
    except Unreadable as error:
        log("visitors.unable", level="error", error=str(error))
        raise HttpError(503, "unavailable", "the widget's secret cannot be read at the moment", "Try again.") from None
    try:
        said = jwt.decode(word, secret, algorithms=["HS256"], leeway=LEEWAY, options={"require": ["exp"]})
    except jwt.PyJWTError as error:
        raise HttpError(401, "identity_refused", f"identity: {error}", "Sign it with the widget's secret.") from None
    if said["exp"] > time.time() + LONGEST_WORD:
        raise HttpError(401, "identity_refused", "identity: exp is more than a day away", "Sign a shorter one.")
    subject, email, name = (str(said.get(each) or "").strip() for each in ("sub", "email", "name"))
    email = email.lower()
    if email and (len(email) > 320 or not EMAIL.fullmatch(email)):
        raise HttpError(401, "identity_refused", "identity: email is not an address")
    if not subject and not email:
        raise HttpError(401, "identity_refused", "identity: it names nobody", "Say sub, email, or both.")
    claims = {"visitor_id": str(_id("word", organization, subject or f"mailto:{email}")), "identified": "true"}
    return claims | {name: value for name, value in (("email", email), ("name", name[:200])) if value}


def _id(kind: str, organization: UUID, who: str) -> UUID:
    """The visitor's id in the database. Of a secret of 256 random bits it tells nothing."""
    digest = hashlib.sha256(f"pgdesk visitor|{kind}|{organization}|{who}".encode()).digest()
    return UUID(bytes=digest[:16], version=4)
