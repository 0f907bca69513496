"""A form goes out by mail with a signed link, and is filled in on its page without signing in."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from chalicelib.kit.http import Request
from chalicelib.kit.signed_link import make_token
from chalicelib.links import forms

from tests.email.conftest import Post

FIELDS = [
    {"key": "order", "label": "Order <number>", "type": "text", "required": True},
    {"key": "size", "label": "Size", "type": "select", "options": ["S", '"><script>']},
    {"key": "faults", "label": "Faults", "type": "multiselect", "options": ["hole", "stain"]},
    {"key": "weight", "label": "Weight", "type": "number"},
    {"key": "sure", "label": "I am sure", "type": "boolean", "required": True},
]


@pytest.fixture
def link(post: Post) -> str:
    """Of the mail that an agent's form went out with."""
    template = post.world.one(
        "insert into public.action_templates (organization_id, name, body, fields) values (%s, 'A <return>',"
        " 'Please fill this in.', %s) returning id",
        post.world.organization, json.dumps(FIELDS),
    )["id"]  # fmt: skip
    ticket = post.ticket()
    post.drop_receipts()
    post.world.as_agent("select id from public.send_form(%s, %s, 1)", ticket, template)
    assert set(post.run()) == {"done"}
    (mail,) = post.provider.sent
    assert "Please fill this in." in str(mail.text)
    (found,) = re.findall(r"http\S+/form\?\S+", str(mail.text))
    return str(found)


def token(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def get(given: str) -> str:
    return forms.ask(Request("GET", "/form", {"token": [given]}, {}, b"")).body.decode()


def submit(given: str, *fields: tuple[str, str]) -> str:
    body = urlencode([("token", given), *((f"field_{name}", value) for name, value in fields)]).encode()
    return forms.submit(Request("POST", "/form", {}, {}, body)).body.decode()


def answers(post: Post) -> list[object]:
    return [row["answers"] for row in post.world.all("select answers from public.action_forms")]


def test_a_form_is_filled_in_by_the_link_of_its_mail_and_once(post: Post, link: str) -> None:
    shown = get(token(link))
    assert "Order &lt;number&gt;" in shown
    assert "<script>" not in shown
    given = [("order", "A-1"), ("faults", "hole"), ("faults", "stain"), ("weight", "1,5"), ("sure", "yes")]
    assert "has been filled in" in submit(token(link), *given)
    assert "has been filled in" in submit(token(link), ("order", "B"), ("sure", "yes"))
    assert answers(post) == [{"order": "A-1", "faults": ["hole", "stain"], "weight": 1.5, "sure": True}]
    message = post.world.one("select * from public.messages order by id desc limit 1")
    assert (message["sender"], message["is_verified"]) == ("contact", False)


def test_what_is_wrong_is_said_beside_the_field_and_what_was_right_stays(post: Post, link: str) -> None:
    shown = submit(token(link), ("order", 'A"><script>'), ("weight", "nan"), ("size", "XL"), ("admin", "1"))
    assert "A number, please." in shown
    assert "Please choose from the list." in shown
    assert "Please fill this in." in shown  # the box that must be ticked
    assert "A&#34;&gt;&lt;script&gt;" in shown
    assert answers(post) == [None]


def test_a_link_that_is_forged_or_over_shows_nothing(post: Post, link: str) -> None:
    form = post.world.one("select id from public.action_forms")["id"]
    secret = "a secret for reply addresses"
    wrong = [
        make_token(secret, "csat", post.world.organization, form), make_token(secret, "form", uuid4(), form),
        make_token("other", "form", post.world.organization, form), token(link)[::-1],
    ]  # fmt: skip
    shown = {submit(each, ("order", "A"), ("sure", "yes")) for each in wrong} | {get(each) for each in wrong}
    post.world.as_agent("select id from public.cancel_form(%s)", form)
    shown |= {get(token(link)), submit(token(link), ("order", "A"), ("sure", "yes"))}
    assert len(shown) == 1
    assert "does not work" in shown.pop()
    assert answers(post) == [None]
