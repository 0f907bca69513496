"""Whose chat it is, and how messages of other channels become tickets."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.data_model.shop import Shop, new_shop, together
from tests.people import Actor, act_as, connect, not_there


@pytest.fixture
def space(shop: Shop) -> str:
    return str(
        shop.value(
            "insert into public.chat_widgets (organization_id, name, domains) values (%s, 'Site', '{kestrel.example}')"
            " returning id",
            shop.organization,
        )
    )


@pytest.fixture
def agent(shop: Shop) -> Actor:
    return shop.member()


def capture(shop: Shop, actor: Actor, space: str, body: str = "Hello", **more: Any) -> dict[str, Any]:
    names = "".join(f", {name} => %s" for name in more)
    (row,) = shop.as_(actor, f"select public.capture_message(%s, %s{names}) as kept", space, body, *more.values())
    return dict(row["kept"])


def context(shop: Shop, actor: Actor, space: str | None, **more: Any) -> dict[str, Any]:
    names = "".join(f", {name} => %s" for name in more)
    (row,) = shop.as_(actor, f"select public.chat_context(%s{names}) as found", space, *more.values())
    return dict(row["found"])


def registered(shop: Shop, actor: Actor, external_id: str, email: str | None) -> dict[str, Any]:
    (row,) = shop.as_(
        actor, "select public.register_session(%s, %s, %s) as made", shop.organization, external_id, email
    )
    return dict(row["made"])


def test_the_organization_is_found_by_the_space_and_the_session_by_id_or_address(
    shop: Shop, agent: Actor, space: str
) -> None:
    made = registered(shop, agent, "s-1", "ann@people.example")
    expected = {
        "organization_id": str(shop.organization), "widget_id": space, "session_id": made["session_id"],
        "contact_id": made["contact_id"], "ticket_id": None, "topics": [f"org:{shop.organization}"],
    }  # fmt: skip
    typed = shop.value("select public.typed_id('chat_widget', %s)", UUID(space))
    assert context(shop, agent, space, session_id=made["session_id"]) == expected
    assert context(shop, agent, space, session_id="s-1") == expected
    assert context(shop, agent, typed, email=" Ann@People.example ") == expected
    assert context(shop, agent, space) == expected | {"session_id": None, "contact_id": None}
    kept = capture(shop, agent, space, session_id="s-1")
    found = context(shop, agent, space, session_id="s-1")
    assert found["ticket_id"] == kept["ticket_id"]
    assert f"ticket:{kept['ticket_id']}:contact" in found["topics"]


def test_what_cannot_be_found_is_named(shop: Shop, agent: Actor, space: str) -> None:
    away = new_shop(shop.settings, shop.db)
    theirs = registered(away, away.member(), "theirs", "eve@people.example")
    registered(shop, agent, "nobody", None)
    for asked, words in (
        ({"space": str(uuid4())}, "there is no space"),
        ({"space": "x"}, "there is no space x"),
        ({"space": None}, "there is no space null"),
        ({"session_id": str(uuid4())}, "there is no session"),
        ({"session_id": theirs["session_id"]}, "there is no session"),
        ({"session_id": "theirs"}, "there is no session theirs"),
        ({"session_id": "nobody"}, "session nobody is nobody's yet"),
        ({"email": "eve@people.example"}, "no contact with the address eve@people.example"),
    ):
        with not_there(words):
            context(shop, agent, asked.pop("space", space), **asked)
    with not_there("there is no space"):
        context(away, away.member("owner"), space)
    with not_there("there is no space"):
        context(shop, shop.member("viewer"), space)


def test_a_conversation_goes_on_in_one_ticket_and_a_message_is_kept_once(shop: Shop, agent: Actor, space: str) -> None:
    first = capture(
        shop, agent, space, conversation="tg:7", channel="telegram", external_id="1", name="Ann", process=True
    )
    again = capture(shop, agent, space, conversation="tg:7", channel="telegram", external_id="1")
    second = capture(shop, agent, space, conversation="tg:7", channel="telegram", external_id="2")
    other = capture(shop, agent, space, conversation="tg:8", channel="telegram")
    assert first["is_new"]
    assert again == first | {"is_new": False}
    assert second["ticket_id"] == first["ticket_id"] != other["ticket_id"]
    assert second["contact_id"] == first["contact_id"] != other["contact_id"]
    ticket = shop.ticket_row(UUID(first["ticket_id"]))
    assert (ticket["channel"], ticket["last_seq"]) == ("telegram", 2)
    thread = shop.value("select thread from public.channel_threads where ticket_id = %s", UUID(first["ticket_id"]))
    assert thread == "tg:7"  # where an adapter sends what message.sent tells of


@pytest.mark.parametrize("channel", ["chat", "telegram"])
def test_a_word_after_the_resolution_follows_the_rules_for_opening_again(
    shop: Shop, agent: Actor, space: str, channel: str
) -> None:
    def say(body: str, **more: Any) -> UUID:
        kept = capture(shop, agent, space, body, conversation="tg:7", channel=channel, name="Ann", **more)
        return UUID(kept["ticket_id"])

    def resolve(ticket: UUID, ago: str) -> None:
        shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])
        shop.db.execute("update public.tickets set resolved_at = now() - %s::interval where id = %s", [ago, ticket])

    shop.db.execute(
        "update public.organizations set reopen_within = '7 days', thanks_stay_solved = true where id = %s",
        [shop.organization],
    )
    first = say("It broke", external_id="1")
    resolve(first, "6 days")
    assert say("Thanks!") == first
    assert say("Glad to hear it.", sender="assistant") == first
    assert shop.ticket_row(first)["status"] == "solved"
    assert say("It broke again") == first
    assert shop.ticket_row(first)["status"] == "open"
    resolve(first, "8 days")
    second = say("It broke once more", external_id="2")
    assert second != first
    link = "select other_ticket_id from public.ticket_links where ticket_id = %s and kind = 'follows'"
    assert shop.value(link, second) == first
    assert say("It broke once more", external_id="2") == second
    assert say("There is more") == second
    assert shop.ticket_row(first)["status"] == "solved"
    assert shop.ticket_row(second)["channel"] == channel


def jobs_of(shop: Shop, message: str) -> list[str]:
    rows = shop.db.execute(
        "select consumer from private.jobs where payload ->> 'subject_id' = %s order by 1", [message]
    ).fetchall()
    return [row["consumer"] for row in rows]


def test_what_is_to_be_processed_goes_to_the_ai_and_what_is_not_is_only_kept(
    shop: Shop, agent: Actor, space: str
) -> None:
    processed = capture(shop, agent, space, conversation="a")
    kept = capture(shop, agent, space, conversation="b", process=False)
    assert jobs_of(shop, processed["message_id"]) == ["triage"]
    assert jobs_of(shop, kept["message_id"]) == []
    (told,) = shop.events(UUID(kept["message_id"]))
    assert (told["type"], told["data"]["process"], told["audience"]) == ("message.received", False, "contact")


def test_what_an_assistant_said_is_kept_as_the_ais(shop: Shop, agent: Actor, space: str) -> None:
    asked = capture(shop, agent, space, "How long?", conversation="a", process=False)
    said = capture(shop, agent, space, "30 days.", conversation="a", sender="assistant", external_id="9")
    row = shop.db.execute("select * from public.messages where id = %s", [said["message_id"]]).fetchone()
    assert row
    assert (row["sender"], row["contact_id"], str(row["ticket_id"])) == ("ai", None, asked["ticket_id"])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "whose message is it"),
        ({"conversation": "a", "sender": "member"}, "not of member"),
        ({"conversation": "a", "channel": "email"}, "email is not captured"),
        ({"conversation": f"visitor:{uuid4()}"}, "the widget itself"),
        ({"conversation": "a", "body": " "}, "needs words"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, agent: Actor, space: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(psycopg.Error, match=words):
        capture(shop, agent, space, **more)


def test_who_may_not_write_captures_nothing(shop: Shop, space: str) -> None:
    _, customer = shop.customer()
    for actor in (shop.member("viewer"), customer):
        with not_there("there is no space"):
            capture(shop, actor, space, conversation="a")


def test_the_first_messages_of_a_conversation_at_once_are_one_ticket_of_one_contact(
    shop: Shop, agent: Actor, space: str
) -> None:
    def write(number: int) -> None:
        with connect(shop.settings, "authenticator") as db, db.transaction():
            act_as(db, agent)
            db.execute(
                "select public.capture_message(%s, 'Hello', conversation => 'x', external_id => %s)",
                [space, str(number % 4)],
            )

    together(*[lambda number=number: write(number) for number in range(8)])
    rows = shop.db.execute(
        "select distinct ticket_id, contact_id, count(*) over () as messages from public.messages"
        " where organization_id = %s",
        [shop.organization],
    ).fetchall()
    assert len(rows) == 1
    assert rows[0]["messages"] == 4
