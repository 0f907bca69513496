"""A visitor opens a widget, says something, comes back: who they are, what they see, and what it leaves behind."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest

from tests.chat.conftest import SITE, Widget, open_widget
from tests.people import Actor


def test_a_widget_that_only_opens_leaves_nothing_behind(widget: Widget) -> None:
    before = widget.counted()
    for _ in range(3):
        visit = open_widget(widget)
        assert visit.answer["contact_id"] is None
        assert visit.get("tickets") == []
    assert widget.counted() == before


def test_the_first_word_makes_a_contact_and_a_ticket_and_the_next_goes_on_with_it(widget: Widget) -> None:
    visit = open_widget(widget)
    first, second = visit.say("Where is my parcel?"), visit.say("It is late")
    assert (first["seq"], second["seq"]) == (1, 2)
    assert first["ticket_id"] == second["ticket_id"]
    (ticket,) = visit.get("tickets")
    assert (ticket["channel"], ticket["subject"]) == ("chat", "Where is my parcel?")
    (contact,) = visit.get("rpc/my_profiles")
    assert (contact["email"], contact["contact_id"]) == (None, ticket["contact_id"])
    assert first["is_verified"]


def test_two_first_words_at_once_are_one_ticket(widget: Widget) -> None:
    visit = open_widget(widget)
    said = visit.together(*[f"word {n}" for n in range(4)])
    assert len({message["ticket_id"] for message in said}) == 1
    assert sorted(message["seq"] for message in said) == [1, 2, 3, 4]
    assert len(visit.get("rpc/my_profiles")) == 1


def test_a_word_that_is_sent_again_is_the_one_that_is_there(widget: Widget) -> None:
    visit = open_widget(widget)
    first = visit.say("Hello", external_id="1")
    assert visit.say("Hello", external_id="1")["id"] == first["id"]
    other = open_widget(widget).say("Hello", external_id="1")
    assert other["id"] != first["id"]


def test_a_new_word_opens_a_resolved_chat_again_or_one_that_follows_as_the_desk_has_it(widget: Widget) -> None:
    visit = open_widget(widget)
    first = visit.say("Where is it?")
    widget.db.execute("update public.tickets set status = 'solved' where id = %s", [first["ticket_id"]])
    assert visit.say("And where is that?")["ticket_id"] == first["ticket_id"]
    assert [ticket["status"] for ticket in visit.get("tickets")] == ["open"]
    widget.db.execute("update public.tickets set status = 'closed' where id = %s", [first["ticket_id"]])
    widget.db.execute("update public.organizations set reopen_closed = false where id = %s", [widget.organization])
    second = visit.say("Another thing")
    assert second["ticket_id"] != first["ticket_id"]
    assert visit.say("More of it")["ticket_id"] == second["ticket_id"]
    assert {ticket["status"] for ticket in visit.get("tickets")} == {"new", "closed"}


def test_who_keeps_the_secret_is_the_same_visitor_and_nobody_else_is(widget: Widget) -> None:
    visit = open_widget(widget)
    ticket = visit.say("Hello")["ticket_id"]
    again = open_widget(widget, secret=visit.secret)
    assert [row["id"] for row in again.get("tickets")] == [ticket]
    assert again.say("Me again")["ticket_id"] == ticket
    stranger = open_widget(widget)
    assert stranger.get("tickets") == stranger.get("messages") == stranger.get("rpc/my_profiles") == []
    stored = widget.value("select string_agg(v::text, '') from public.visitors as v")
    assert visit.secret not in stored
    assert visit.secret[4:20] not in stored


def test_a_visitor_sees_answers_and_no_notes(widget: Widget) -> None:
    visit, agent = open_widget(widget), widget.agent
    ticket = visit.say("Hello")["ticket_id"]
    for body, internal in (("a note", True), ("Good morning", False)):
        widget.as_(agent, "select id from public.send_reply(%s, %s, 1, %s)", ticket, body, internal)
    assert [row["body_text"] for row in visit.get("messages", order="seq")] == ["Hello", "Good morning"]
    types = {event["type"] for event in visit.events()}
    assert {"ticket.created", "message.received", "message.sent"} <= types
    assert "note.created" not in types


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "members", None), ("GET", "visitors", None), ("GET", "chat_widgets", None), ("GET", "drafts", None),
        ("POST", "tickets", {"subject": "x", "channel": "chat"}), ("PATCH", "tickets", {"status": "closed"}),
        ("PATCH", "contacts", {"email": "boss@shop.example"}), ("DELETE", "tickets", None),
        ("POST", "rpc/create_organization", {"name": "Mine", "slug": "mine-too"}),
        ("POST", "rpc/accept_invitation", {"invitation_id": str(uuid4())}),
        ("POST", "rpc/send_reply", {"ticket_id": str(uuid4()), "body": "x", "expected_seq": 9}),
        ("POST", "rpc/capture_message", {"space_id": "x", "body": "x"}), ("GET", "", None),
    ],
)  # fmt: skip
def test_a_visitor_may_do_nothing_else(widget: Widget, method: str, path: str, body: Any) -> None:
    visit = open_widget(widget)
    visit.say("Hello")
    answer = visit.http.request(
        method, f"/{path}", params={"limit": "1", "id": f"eq.{uuid4()}"}, json=body, headers=visit.headers
    )
    assert answer.status_code in (403, 405), answer.text


PAGES = [
    (SITE, 200), ("https://www.shop.example", 200), ("https://deep.www.shop.example", 200),
    ("http://localhost:3000", 200), ("https://evil.example", 403), ("https://shop.example.evil.example", 403),
    ("https://notshop.example", 403), ("http://www.shop.example", 403), ("https://www.shop.example:8443", 403),
    ("https://kestrel.example@evil.example", 403), ("http://localhost:3001", 403), ("null", 403), ("", 403),
    ("https://www.shop.example/", 403), ("https://.shop.example", 403),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "status"), PAGES)
def test_a_widget_stands_on_the_pages_it_is_for(widget: Widget, origin: str, status: int) -> None:
    widget.db.execute(
        "update public.chat_widgets set domains = '{kestrel.example,*.shop.example,localhost:3000}' where id = %s",
        [widget.id],
    )
    answer = widget.ask({"widget": str(widget.id)}, origin)
    assert answer.status_code == status, answer.body
    if status == 403:
        assert json.loads(answer.body)["code"] == "origin_refused"


@pytest.mark.parametrize(
    "domain", ["", "*", "*.example", "https://shop.example", "shop.example/", "SHOP.example", "a b", "shop..example"]
)
def test_what_is_no_host_is_no_domain(widget: Widget, domain: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        widget.db.execute("update public.chat_widgets set domains = array[%s] where id = %s", [domain, widget.id])


def test_a_widget_that_is_switched_off_or_not_there_opens_for_nobody(widget: Widget) -> None:
    widget.db.execute("update public.chat_widgets set is_active = false where id = %s", [widget.id])
    for asked in (str(widget.id), str(uuid4())):
        answer = widget.ask({"widget": asked})
        assert (answer.status_code, json.loads(answer.body)["code"]) == (404, "unknown_widget")


@pytest.mark.parametrize(
    "body", [{}, {"widget": "x"}, {"widget": str(uuid4()), "secret": "short"}, {"widget": str(uuid4()), "more": 1}]
)
def test_a_malformed_opening_is_told_what_is_wrong(widget: Widget, body: dict[str, Any]) -> None:
    answer = widget.ask(body)
    assert (answer.status_code, json.loads(answer.body)["code"]) == (400, "bad_request")


def vouch(secret: str, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"exp": int(time.time()) + 600} | claims, secret, algorithm=algorithm)


def test_whom_the_site_vouches_for_is_the_contact_with_that_address(widget: Widget) -> None:
    secret = widget.new_secret()
    contact = widget.value(
        "insert into public.contacts (organization_id, email) values (%s, %s) returning id",
        widget.organization, email := f"{uuid4()}@people.example",
    )  # fmt: skip
    word = vouch(secret, sub="42", email=email.upper(), name="Ann")
    visit = open_widget(widget, identity=word)
    assert visit.answer["contact_id"] == str(contact)
    assert "visitor_secret" not in visit.answer
    ticket = visit.say("Hello")["ticket_id"]
    elsewhere = open_widget(widget, identity=vouch(secret, sub="42"))
    assert [row["id"] for row in elsewhere.get("tickets")] == [ticket]
    assert widget.value("select is_identified from public.visitors where contact_id = %s", contact)


def test_who_is_vouched_for_and_new_becomes_a_contact_with_the_first_word(widget: Widget) -> None:
    # Not one of those who are there already.
    widget.db.execute(
        "insert into public.contacts (organization_id, email) values (%s, 'first@people.example')",
        [widget.organization],
    )
    word = vouch(widget.new_secret(), email="new@people.example", name="New")
    visit = open_widget(widget, identity=word)
    assert visit.answer["contact_id"] is None
    visit.say("Hello")
    (contact,) = visit.get("rpc/my_profiles")
    assert (contact["email"], contact["name"]) == ("new@people.example", "New")


def test_a_word_that_is_not_the_sites_is_refused(widget: Widget) -> None:
    secret, now = widget.new_secret(), int(time.time())
    words = {
        "another secret": vouch("pgi_" + "0" * 64, sub="1"),
        "none": jwt.encode({"sub": "1", "exp": now + 60}, "", algorithm="none"),
        "another algorithm": vouch(secret, "HS512", sub="1"),
        "over": vouch(secret, sub="1", exp=now - 60),
        "without an end": jwt.encode({"sub": "1"}, secret, algorithm="HS256"),
        "for ever": vouch(secret, sub="1", exp=now + 10 * 365 * 86400),
        "nobody": vouch(secret, name="Ann"),
        "no address": vouch(secret, email="ann"),
        "garbage": "a.b.c",
    }
    for why, word in words.items():
        answer = widget.ask({"widget": str(widget.id), "identity": word})
        assert (answer.status_code, json.loads(answer.body)["code"]) == (401, "identity_refused"), why


def test_a_new_secret_ends_the_old_one_and_only_admins_make_them(widget: Widget) -> None:
    old = widget.new_secret()
    open_widget(widget, identity=vouch(old, sub="1"))
    new = widget.new_secret()
    assert widget.ask({"widget": str(widget.id), "identity": vouch(old, sub="1")}).status_code == 401
    open_widget(widget, identity=vouch(new, sub="1"))
    assert widget.secret_by(widget.agent).status_code == 403
    assert widget.secret_by(Actor("authenticated", uuid4())).status_code in (401, 404)
    assert new.encode() not in bytes(widget.value("select sealed from private.widget_secrets"))


def test_a_widget_may_be_for_those_alone_whom_the_site_vouches_for(widget: Widget) -> None:
    secret = widget.new_secret()
    widget.db.execute("update public.chat_widgets set needs_identity = true where id = %s", [widget.id])
    answer = widget.ask({"widget": str(widget.id)})
    assert (answer.status_code, json.loads(answer.body)["code"]) == (401, "identity_needed")
    open_widget(widget, identity=vouch(secret, sub="1"))


def test_an_address_that_a_visitor_gives_is_no_proof_and_shows_them_nothing(widget: Widget) -> None:
    ann = widget.value(
        "insert into public.contacts (organization_id, email) values (%s, 'ann@people.example') returning id",
        widget.organization,
    )
    widget.db.execute(
        "insert into public.tickets (organization_id, channel, contact_id) values (%s, 'email', %s)",
        [widget.organization, ann],
    )
    visit = open_widget(widget)
    visit.call("leave_address", email="Ann@People.example", name="Ann?")
    assert visit.get("tickets") == []
    (contact,) = visit.get("rpc/my_profiles")
    assert (contact["email"], contact["name"], contact["contact_id"] == str(ann)) == (None, "Ann?", False)
    assert widget.value("select email from public.visitors where contact_id = %s", UUID(contact["contact_id"])) == (
        "ann@people.example"
    )
    session = widget.value("select contact_id from public.sessions where visitor_id = %s", UUID(contact["contact_id"]))
    assert session == ann  # for members: whom they say they are


def test_who_talks_too_much_is_slowed_down_alone(widget: Widget) -> None:
    loud, other = open_widget(widget), open_widget(widget)
    statuses = [loud.post("say_in_chat", body=f"{n}").status_code for n in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    assert other.post("say_in_chat", body="x").status_code == 200


def test_so_many_chats_begin_in_a_minute_and_those_that_run_go_on(widget: Widget) -> None:
    widget.db.execute("insert into private.rate_limits (organization_id, chats) values (%s, 2)", [widget.organization])
    visits = [open_widget(widget) for _ in range(3)]
    assert [visit.post("say_in_chat", body="x").status_code for visit in visits] == [200, 200, 429]
    assert visits[0].post("say_in_chat", body="more").status_code == 200
    assert visits[2].get("rpc/my_profiles") == []


def test_who_asks_for_a_person_is_understood_whatever_the_words(widget: Widget) -> None:
    visit = open_widget(widget)
    asked, other = visit.say("أودّ التحدث إلى شخص", wants_person=True), visit.say("شكرا")
    wanted = [
        widget.value("select wants_human from private.reply_case(%s)", UUID(message["id"]))
        for message in (asked, other)
    ]
    assert wanted == [True, False]


def test_who_opens_it_is_greeted_and_told_whether_anybody_is_there(widget: Widget) -> None:
    before = open_widget(widget).answer
    assert (before["greeting"], before["is_open"], before["opens_at"]) == ("", None, None)
    widget.db.execute("update public.chat_widgets set greeting = 'Ahoy' where id = %s", [widget.id])
    calendar = widget.value(
        "insert into public.calendars (organization_id, name, time_zone, is_default) values (%s, 'Always', 'UTC', true)"
        " returning id",
        widget.organization,
    )
    closed = open_widget(widget).answer
    assert (closed["greeting"], closed["is_open"], closed["opens_at"]) == ("Ahoy", False, None)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = "insert into public.calendar_hours (organization_id, calendar_id, weekday, opens, closes)"
    for day, opens_at, is_open in ((today + timedelta(1), today + timedelta(1), False), (today, None, True)):
        widget.db.execute(
            f"{hours} values (%s, %s, %s, '00:00', '24:00')", [widget.organization, calendar, day.isoweekday()]
        )
        told = open_widget(widget).answer
        assert told["is_open"] is is_open
        assert told["opens_at"] == (opens_at and opens_at.isoformat())
