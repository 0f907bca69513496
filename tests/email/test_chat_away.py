"""A visitor who has left gets what was answered in the chat by mail: once, and only what they have not seen."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from chalicelib.clocks import consumer as clocks
from chalicelib.kit.reply_token import read_token

from tests.email.conftest import Post, refusal
from tests.people import ROLE_OF_VISITORS, Actor, act_as, connect, not_there

ANN = "ann@people.example"


class Visitor:
    """Somebody who has chatted, and has left since."""

    def __init__(self, post: Post, *, vouched: str | None = None, gives: str | None = None) -> None:
        self.post = post
        self.id = uuid4()
        self.claims = Actor(ROLE_OF_VISITORS, organization_id=post.world.organization, visitor_id=self.id)
        self.vouched = {"email": vouched, "identified": True} if vouched else {}
        self.ticket = UUID(str(self.call("say_in_chat('Where is my <b>parcel</b>?')")["ticket_id"]))
        if gives:
            self.call("leave_address(%s)", gives)
        self.leaves()

    def call(self, function: str, *parameters: object) -> dict[str, Any]:
        with connect(self.post.world.settings, "supabase_admin") as db, db.transaction():
            act_as(db, self.claims)
            db.execute(
                "select set_config('request.jwt.claims', %s, true)", [json.dumps(self.claims.claims | self.vouched)]
            )
            row = db.execute(f"select * from public.{function}".encode(), parameters).fetchone()
        assert row
        return dict(row)

    def leaves(self, ago: str = "1 hour") -> None:
        self.post.world.db.execute(
            "update public.visitors set seen_at = now() - %s::interval where id = %s", [ago, self.id]
        )

    def answers(self, body: str) -> None:
        self.post.reply(self.ticket, body)


def waits(post: Post) -> list[float]:
    """In how many minutes a chat's mail is due."""
    rows = post.world.all(
        "select extract(epoch from run_at - now()) / 60 as minutes from private.jobs"
        " where payload ->> 'ring' = 'chat_mail' and state = 'waiting'"
    )
    return [round(float(row["minutes"])) for row in rows]


def time_goes_by(post: Post, minutes: int = 3) -> None:
    """For what was said, and for who was there."""
    post.world.db.execute("update public.messages set created_at = created_at - make_interval(mins => %s)", [minutes])
    post.world.db.execute("update public.visitors set seen_at = seen_at - make_interval(mins => %s)", [minutes])
    post.world.db.execute("update private.jobs set run_at = run_at - make_interval(mins => %s)", [minutes])
    assert set(post.world.run_all(clocks.handle, "clock")) <= {"done"}
    post.drop_receipts()
    assert set(post.run()) <= {"done"}


def mails(post: Post) -> list[Any]:
    return [mail for mail in post.provider.sent if mail.tags["kind"] == "chat"]


def test_who_has_left_gets_all_that_was_answered_in_one_mail(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    post.world.db.execute(
        "update public.members set display_name = 'Eve' where user_id = %s", [post.world.agent.user_id]
    )
    visitor.answers("It is on its way.")
    post.world.as_agent("select public.send_reply(%s, 'They are a pest', 1000, true)", visitor.ticket)
    visitor.answers("It <i>arrives</i> tomorrow.")
    assert waits(post) == [2]
    time_goes_by(post)
    (mail,) = mails(post)
    assert list(mail.to) == [ANN]
    assert mail.subject == "Your chat: Kestrel"
    text = str(mail.text)
    assert text.index("It is on its way.") < text.index("It <i>arrives</i> tomorrow.")
    assert "Eve" in text
    assert "pest" not in text
    assert "parcel" not in text
    assert "&lt;i&gt;arrives" in str(mail.html)
    assert "Auto-Submitted" not in mail.headers
    time_goes_by(post, 100)
    assert len(mails(post)) == 1
    visitor.answers("Has it come?")
    time_goes_by(post)
    assert len(mails(post)) == 2
    assert "on its way" not in str(mails(post)[1].text)


def test_an_answer_to_the_mail_finds_the_chat(post: Post) -> None:
    visitor = Visitor(post, gives=ANN)
    visitor.answers("It is on its way.")
    time_goes_by(post)
    (mail,) = mails(post)
    read = read_token(["a secret for reply addresses"], post.world.organization, list(mail.reply_to), ANN)
    assert read
    assert read.ticket_id == visitor.ticket
    message = post.world.one("select message_id_header from public.messages where sender = 'member'")
    assert message["message_id_header"]  # by which its mail program names it


def test_who_is_there_gets_no_mail_before_they_have_left(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    visitor.leaves("1 minute")
    visitor.answers("It is on its way.")
    assert waits(post) == [9]
    visitor.leaves("0 minutes")  # and comes again meanwhile
    post.world.db.execute("update private.jobs set run_at = now() where payload ->> 'ring' = 'chat_mail'")
    post.world.run_all(clocks.handle, "clock")
    assert waits(post) == [10]
    time_goes_by(post, 11)
    assert len(mails(post)) == 1


def test_a_page_that_stands_open_and_nobody_looks_at_keeps_a_mail_back_for_an_hour(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    visitor.answers("It is on its way.")
    for _ in range(3):
        visitor.leaves("0 minutes")
        time_goes_by(post, 30)
    assert len(mails(post)) == 1


@pytest.mark.parametrize("when", ["before the clock", "after the clock", "after a failure"])
def test_what_the_visitor_has_read_is_not_mailed(post: Post, when: str) -> None:
    visitor = Visitor(post, vouched=ANN)
    visitor.answers("It is on its way.")
    if when == "before the clock":
        assert visitor.call("mark_seen(%s)", visitor.ticket)["mark_seen"] == 2
    post.world.db.execute("update public.visitors set seen_at = now() - interval '1 hour'")
    post.world.db.execute("update public.messages set created_at = created_at - interval '5 minutes'")
    post.world.db.execute("update private.jobs set run_at = now()")
    post.world.run_all(clocks.handle, "clock")
    if when == "after a failure":
        post.provider.script = [refusal(429, "rate_limit_exceeded", retry_after="1")]
        post.run()
        post.world.db.execute("update private.jobs set run_at = now()")
    if when != "before the clock":
        visitor.call("mark_seen(%s)", visitor.ticket)
    post.drop_receipts()
    post.run()
    assert mails(post) == []


def test_who_writes_has_read_what_stands_above(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    visitor.answers("It is on its way.")
    visitor.call("say_in_chat('Thank you')")
    visitor.leaves()
    time_goes_by(post)
    assert mails(post) == []
    visitor.answers("You are welcome.")
    time_goes_by(post)
    assert "on its way" not in str(mails(post)[0].text)


def test_how_far_one_has_read_only_grows_and_is_ones_own_to_say(post: Post) -> None:
    visitor, other = Visitor(post), Visitor(post)
    visitor.answers("Yes.")
    assert visitor.call("mark_seen(%s, 99)", visitor.ticket)["mark_seen"] == 2
    assert visitor.call("mark_seen(%s, 1)", visitor.ticket)["mark_seen"] == 2
    with not_there():
        other.call("mark_seen(%s)", visitor.ticket)


def test_what_nobody_wrote_goes_to_no_address_that_nobody_has_proved(post: Post) -> None:
    visitor = Visitor(post, gives=ANN)
    post.ai_replies(visitor.ticket, "Look at the tracking link.")
    assert waits(post) == []
    visitor.answers("I have looked: it is on its way.")
    time_goes_by(post)
    (mail,) = mails(post)
    assert "Look at the tracking link." in str(mail.text)
    assert "Somebody gave this address in our chat" in str(mail.text)
    # A verified mail from there proves it.
    theirs = post.world.one(
        "select id from public.contacts where organization_id = %s and email = %s", post.world.organization, ANN
    )["id"]
    post.world.writes(visitor.ticket, "And when?", contact_id=theirs)
    post.ai_replies(visitor.ticket, "Tomorrow.")
    time_goes_by(post)
    assert len(mails(post)) == 2
    assert "Somebody gave" not in str(mails(post)[1].text)
    assert mails(post)[1].headers["Auto-Submitted"] == "auto-replied"


def test_the_ais_answer_goes_to_whom_the_site_vouches_for(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    post.ai_replies(visitor.ticket, "Look at the tracking link.")
    time_goes_by(post)
    assert "written by our assistant" in str(mails(post)[0].text)


def test_somebody_elses_address_gets_few(post: Post) -> None:
    for _ in range(12):
        Visitor(post, gives=ANN).answers("Hello?")
        time_goes_by(post)
    assert len(mails(post)) == 10
    post.world.db.execute(
        "update public.outgoing_mails set delivery = 'complained', created_at = now() - '2 days'::interval"
    )
    Visitor(post, gives=ANN).answers("Hello?")
    time_goes_by(post)
    assert len(mails(post)) == 10


def test_who_left_no_address_or_whose_desk_mails_no_chats_gets_none(post: Post) -> None:
    Visitor(post).answers("It is on its way.")
    assert waits(post) == []
    later = Visitor(post, vouched=ANN)
    later.answers("It is on its way.")
    post.world.db.execute("update public.organizations set mail_chat_after = null")
    time_goes_by(post)
    assert mails(post) == []


def test_a_desk_without_an_address_mails_nobody_and_nothing_breaks(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    post.world.db.execute("delete from public.mail_addresses")
    visitor.answers("It is on its way.")
    time_goes_by(post)
    assert mails(post) == []


def test_what_an_adapter_carries_on_is_not_mailed_too(post: Post) -> None:
    visitor = Visitor(post, vouched=ANN)
    post.world.db.execute("update public.channel_threads set thread = 'tg:7'")
    visitor.answers("It is on its way.")
    assert waits(post) == []
