"""News go to a member in one mail, by ticket; what was read meanwhile does not, and one press stops them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
from chalicelib.clocks import consumer as clocks
from chalicelib.kit.http import Request
from chalicelib.kit.signed_link import make_token
from chalicelib.links import notices

from tests.email.conftest import Post
from tests.people import Actor, act_as, connect, new_member


@pytest.fixture
def colleague(post: Post) -> Actor:
    with connect(post.world.settings, "supabase_admin") as db:
        return new_member(db, post.world.organization, "agent")


def mention(post: Post, member: Actor, subject: str = "My parcel") -> None:
    ticket = post.ticket(subject=subject)
    post.drop_receipts()
    post.world.as_agent("select public.send_reply(%s, %s, 1000, true)", ticket, f"@[you]({member.user_id})")


def time_goes_by(post: Post) -> None:
    """The two minutes, and what follows."""
    post.world.db.execute("update private.jobs set run_at = now() where payload ->> 'ring' = 'notices'")
    assert set(post.world.run_all(clocks.handle, "clock")) <= {"done"}
    assert set(post.run()) <= {"done"}


def mails(post: Post) -> list[Any]:
    return [mail for mail in post.provider.sent if mail.tags["kind"] == "notices"]


def test_what_happened_in_two_minutes_comes_in_one_mail(post: Post, colleague: Actor) -> None:
    post.world.db.execute("update public.members set display_name = '<i>Eve</i>' where user_id = %s",
                          [post.world.agent.user_id])  # fmt: skip
    mention(post, colleague, "A <b>parcel</b>\u202e")
    mention(post, colleague, "A boot")
    time_goes_by(post)
    (mail,) = mails(post)
    assert list(mail.to) == [f"{colleague.user_id}@people.example"]
    assert mail.subject == "Kestrel: news (2)"
    assert "you were mentioned, <i>Eve</i>" in str(mail.text)
    assert "&lt;b&gt;parcel" in str(mail.html)
    assert "&lt;i&gt;Eve" in str(mail.html)
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["Auto-Submitted"] == "auto-replied"
    time_goes_by(post)
    assert len(mails(post)) == 1


def test_who_reads_in_time_gets_no_mail(post: Post, colleague: Actor) -> None:
    mention(post, colleague)
    post.world.db.execute("update private.jobs set run_at = now() where payload ->> 'ring' = 'notices'")
    post.world.run_all(clocks.handle, "clock")
    post.world.db.execute("update public.notifications set read_at = now()")  # between the clock and the mail
    post.run()
    assert mails(post) == []


def test_one_click_of_the_mail_program_stops_them(post: Post, colleague: Actor) -> None:
    mention(post, colleague)
    time_goes_by(post)
    url = mails(post)[0].headers["List-Unsubscribe"].strip("<>")
    query = parse_qs(urlsplit(url).query)
    assert "<button>" in notices.ask(Request("GET", "/notices", query, {}, b"")).body.decode()
    mention(post, colleague)
    time_goes_by(post)
    assert len(mails(post)) == 2  # looking at the page has stopped nothing
    told = notices.stop(Request("POST", "/notices", query, {}, b"List-Unsubscribe=One-Click")).body.decode()
    assert "You get no more" in told
    mention(post, colleague)
    time_goes_by(post)
    assert len(mails(post)) == 2


def test_a_link_of_another_organization_stops_nothing(post: Post, colleague: Actor) -> None:
    for token in (
        make_token("a secret for reply addresses", "notices", uuid4(), colleague.user_id or uuid4()),
        make_token("a secret for reply addresses", "csat", post.world.organization, colleague.user_id or uuid4()),
    ):
        body = urlencode({"token": token}).encode()
        assert "does not work" in notices.stop(Request("POST", "/notices", {}, {}, body)).body.decode()
    assert post.world.all("select 1 from public.notification_settings") == []


def test_a_members_mail_that_bounces_is_the_last(post: Post, colleague: Actor) -> None:
    mention(post, colleague)
    time_goes_by(post)
    with connect(post.world.settings, "supabase_admin") as db, db.transaction():
        act_as(db, Actor("pgdesk_functions", organization_id=post.world.organization))
        db.execute(
            "select private.note_mail_event('resend-events', 'w', id, 'resend', 'e', 'p', null, 'bounced', 'hard',"
            " now(), '{}') from public.outgoing_mails where kind = 'notices'"
        )
    stopped = post.world.one("select mail_stopped_because as why from public.notification_settings")
    assert stopped["why"] == "a mail bounced"


def test_a_members_mail_is_seen_by_nobody_else(post: Post, colleague: Actor) -> None:
    mention(post, colleague)
    time_goes_by(post)
    seen = "select count(*) as found from public.outgoing_mails where kind = 'notices'"
    assert post.world.as_agent(seen)["found"] == 0
    with connect(post.world.settings, "supabase_admin") as db, db.transaction():
        act_as(db, colleague)
        row = db.execute(seen).fetchone()
    assert row == {"found": 1}
    assert re.search(r"#\d+ My parcel", str(mails(post)[0].text))
