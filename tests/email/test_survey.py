"""A resolved ticket's contact is asked by mail, and answers by a link of it: with one press of a button, not by opening
the link, as scanners of mail do."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from chalicelib.clocks import consumer as clocks
from chalicelib.kit import rates
from chalicelib.kit.http import HttpError, Request
from chalicelib.kit.signed_link import make_token, read_token
from chalicelib.links import csat

from tests.email.conftest import Post

SECRET = "a secret for reply addresses"  # of tests/replies/world.py


@pytest.fixture
def asked(post: Post) -> Post:
    """One mail has gone out: to the contact of a ticket that was answered and solved."""
    post.world.db.execute("update public.organizations set ask_csat_after = '0'")
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    assert set(post.run()) == {"done"}
    post.world.as_agent("update public.tickets set status = 'solved' where id = %s returning id", ticket)
    assert set(post.world.run_all(clocks.handle, "clock")) == {"done"}
    assert set(post.run()) == {"done"}
    return post


def links(post: Post) -> list[str]:
    return re.findall(r"http\S+/csat\?\S+", str(post.provider.sent[-1].text))


def get(url: str) -> str:
    query = parse_qs(urlsplit(url).query)
    return csat.ask(Request("GET", "/csat", query, {}, b"")).body.decode()


def press(page: str, **given: str) -> str:
    """Send the form that a page shows, as a browser without scripts would, with what the person has changed."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    if chosen := re.search(r'name="score" value="(\d)" required checked', page):
        fields["score"] = chosen[1]
    body = urlencode({name: unescape(value) for name, value in fields.items()} | given).encode()
    return csat.rate(Request("POST", "/csat", {}, {}, body)).body.decode()


def ratings(post: Post) -> list[dict[str, Any]]:
    return post.world.all("select score, comment, via from public.csat_ratings")


def test_the_contact_is_asked_once_in_the_tickets_thread(asked: Post) -> None:
    mail = asked.provider.sent[-1]
    assert mail.tags["kind"] == "csat"
    assert mail.subject == "Re: My parcel"
    assert mail.headers["In-Reply-To"]
    assert mail.headers["Auto-Submitted"] == "auto-replied"
    assert len(links(asked)) == 5
    assert asked.run() == []


def test_opening_every_link_of_the_mail_rates_nothing(asked: Post) -> None:
    for url in links(asked):
        assert "<form" in get(url)
    assert ratings(asked) == []


def test_a_link_and_one_press_rate_and_another_changes_it(asked: Post) -> None:
    url = next(url for url in links(asked) if "score=4" in url)
    assert "Your answer has been kept" in press(get(url))
    assert ratings(asked) == [{"score": 4, "comment": "", "via": "link"}]
    press(get(url), score="2", comment="Late.")
    press(get(url), score="2", comment="Late.")
    assert ratings(asked) == [{"score": 2, "comment": "Late.", "via": "link"}]
    told = asked.world.all("select data from public.events where type = 'ticket.rated' order by seq")
    assert [event["data"]["score"] for event in told] == [4, 2]


def test_what_was_said_stands_on_the_page_as_text(asked: Post) -> None:
    asked.world.db.execute("update public.organizations set name = '<b>Shop</b>'")
    page = press(get(links(asked)[0]), comment='</textarea><script>alert("x")</script>')
    assert "<script>" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_the_page_is_kept_nowhere_and_runs_nothing(asked: Post) -> None:
    answer = csat.ask(Request("GET", "/csat", parse_qs(urlsplit(links(asked)[0]).query), {}, b""))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("score", ["", "0", "6", "5; drop", "٣"])
def test_what_is_no_score_is_asked_for_again(asked: Post, score: str) -> None:
    assert "Please choose one" in press(get(links(asked)[0]), score=score)
    assert ratings(asked) == []


def test_a_forged_link_and_one_that_is_over_look_the_same(asked: Post) -> None:
    (token,) = parse_qs(urlsplit(links(asked)[0]).query)["token"]
    opens = read_token(SECRET, "csat", token)
    assert opens
    forged = [
        "", "x" * 64, token[:-1] + ("A" if token[-1] != "A" else "B"),
        make_token("another secret", "csat", opens.organization_id, opens.id),
        make_token(SECRET, "form", opens.organization_id, opens.id),  # made for another purpose
        make_token(SECRET, "csat", uuid4(), opens.id),  # of another organization
        make_token(SECRET, "csat", opens.organization_id, uuid4()),
    ]  # fmt: skip
    shown = {get(f"/csat?{urlencode({'token': each, 'score': 1})}") for each in forged}
    good = get(links(asked)[0])
    asked.world.db.execute("update public.csat_surveys set expires_at = now()")
    shown |= {get(links(asked)[0]), press(good)}
    assert len(shown) == 1
    assert "does not work" in shown.pop()
    assert ratings(asked) == []


def test_a_link_is_not_for_a_flood(asked: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "WRITES", 2)
    for _ in range(2):
        get(links(asked)[0])
    with pytest.raises(HttpError) as refused:
        get(links(asked)[0])
    assert refused.value.status == 429
    rates.forget()


def test_members_cannot_take_the_links_out_of_the_mail(asked: Post) -> None:
    read = "select count(*) as mails, count(*) filter (where body_text like '%%token=%%') as open from outgoing_mails"
    assert asked.world.as_agent(read.replace("from outgoing_mails", "from public.outgoing_mails"))["open"] == 0


def test_who_has_rated_in_the_portal_meanwhile_gets_no_mail(post: Post) -> None:
    post.world.db.execute("update public.organizations set ask_csat_after = '0'")
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    assert set(post.run()) == {"done"}
    post.world.as_agent("update public.tickets set status = 'solved' where id = %s returning id", ticket)
    assert set(post.world.run_all(clocks.handle, "clock")) == {"done"}
    survey = UUID(str(post.world.one("select id from public.csat_surveys")["id"]))
    post.world.db.execute("select private.record_rating(s, 5, '', 'portal') from public.csat_surveys as s")
    assert set(post.run()) == {"done"}
    assert [mail.tags["kind"] for mail in post.provider.sent] == ["reply"]
    assert survey
