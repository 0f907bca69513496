"""Visits: how somebody becomes a contact with a session, what is kept of it, and who may see that."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

from infra.local.settings import Settings
from tests.data_model.shop import Shop, connect, new_shop, together
from tests.people import ANON, Actor, act_as, new_user, not_there
from tests.tags.visits import journey, register, see, session, session_row, visitor


def contacts(shop: Shop, email: str) -> list[UUID]:
    rows = shop.db.execute(
        "select id from public.contacts where organization_id = %s and email = %s", [shop.organization, email]
    )
    return [row["id"] for row in rows]


def test_who_leaves_an_address_becomes_a_contact_with_a_session_and_no_ticket(shop: Shop) -> None:
    agent, email = shop.member(), f"{uuid4()}@people.example"
    answer = register(
        shop, agent, email=f"  {email.upper()} ", name="Ada", external_id="s-1", space_id="help",
        landing_page="https://shop.example/start", referrer="https://search.example/?q=help",
        user_agent="x" * 900, locale="pt-BR",
    )  # fmt: skip
    (contact,) = contacts(shop, email)
    assert answer["contact_id"] == str(contact)
    row = session_row(shop, answer["session_id"])
    assert (row["contact_id"], row["space_id"], row["locale"]) == (contact, "help", "pt-BR")
    assert len(row["user_agent"]) == 400
    assert shop.value("select count(*) from public.tickets where organization_id = %s", shop.organization) == 0


def test_registering_again_is_the_same_contact_and_the_same_session(shop: Shop) -> None:
    agent, email = shop.member(), f"{uuid4()}@people.example"
    first = register(shop, agent, email=email, external_id="s-1", name="Ada", referrer="https://a.example/")
    again = register(shop, agent, email=email, external_id="s-1", name="Eve", referrer="https://b.example/")
    assert again == first
    assert shop.value("select name from public.contacts where id = %s", first["contact_id"]) == "Ada"
    assert session_row(shop, first["session_id"])["referrer"] == "https://a.example/"
    assert register(shop, agent, external_id="s-1") == first, "nor does it forget who it was"


def test_without_an_id_a_visit_ends_half_an_hour_after_its_last_sign(shop: Shop) -> None:
    agent, email = shop.member(), f"{uuid4()}@people.example"
    first = register(shop, agent, email=email)["session_id"]
    assert register(shop, agent, email=email)["session_id"] == first
    shop.db.execute("update public.sessions set last_seen_at = now() - interval '31 minutes' where id = %s", [first])
    second = register(shop, agent, email=email)["session_id"]
    assert second != first
    shop.as_(agent, "select public.end_session(%s)", second)
    assert register(shop, agent, email=email)["session_id"] not in (first, second)


def test_registrations_at_once_make_one_contact_and_one_session(shop: Shop, shared: Settings) -> None:
    agent, email = shop.member(), f"{uuid4()}@people.example"

    def registering(external_id: str | None) -> None:
        with connect(shared, "supabase_admin") as db, db.transaction():
            act_as(db, agent)
            db.execute(
                "select public.register_session(%s, email => %s, external_id => %s)",
                [shop.organization, email, external_id],
            )

    together(*[lambda: registering(None)] * 4, *[lambda: registering("s-1")] * 4)
    assert len(contacts(shop, email)) == 1
    made = shop.db.execute("select external_id from public.sessions where organization_id = %s", [shop.organization])
    assert sorted(row["external_id"] or "" for row in made) == ["", "s-1"]


def test_a_session_may_be_there_before_anybody_is_known_and_be_linked_by_hand(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    begun = register(shop, agent, external_id="s-1")
    assert begun["contact_id"] is None
    shop.as_(agent, "update public.sessions set contact_id = %s where id = %s", contact, begun["session_id"])
    assert register(shop, agent, external_id="s-1")["contact_id"] == str(contact)


@pytest.mark.parametrize(("column", "value"), [
    ("referrer", "javascript:alert(1)"),
    ("landing_page", "https://shop.example/ <script>"),
    ("landing_page", "https://shop.example/" + "x" * 2000),
    ("locale", "klingon please"),
    ("external_id", "with spaces"),
    ("external_id", "x" * 201),
    ("space_id", "../other"),
    ("user_agent", "Mozilla\r\nX-Evil: 1"),
])  # fmt: skip
def test_what_a_browser_says_of_itself_is_kept_only_in_its_form(shop: Shop, column: str, value: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=column):
        register(shop, shop.member(), **{column: value})


@pytest.mark.parametrize("email", ["ada", "ada@", "@home.example", "a da@home.example", "a@b@c.example"])
def test_what_is_no_address_makes_no_contact(shop: Shop, email: str) -> None:
    with pytest.raises(psycopg.DataError, match="not an e-mail address"):
        register(shop, shop.member(), email=email)


def test_a_signed_in_contact_registers_itself_and_nobody_else(shop: Shop) -> None:
    contact, customer = shop.customer()
    answer = register(shop, customer, external_id="mine")
    assert answer["contact_id"] is None, "an id would tell since when an address is known"
    assert session_row(shop, answer["session_id"])["contact_id"] == contact
    see(shop, customer, answer["session_id"], "https://shop.example/prices")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="under another address"):
        register(shop, customer, email="boss@bank.example")


def test_a_visitor_goes_on_with_no_session_but_its_own(shop: Shop) -> None:
    (_, first), (_, second) = shop.customer(), shop.customer()
    mine = register(shop, first, external_id="mine")["session_id"]
    desks = register(shop, shop.member(), external_id="desk")["session_id"]
    for taken in ("mine", "desk"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not yours"):
            register(shop, second, external_id=taken)
    for other in (mine, desks, uuid4()):
        with not_there():
            see(shop, second, other, "https://shop.example/")
        with not_there():
            shop.as_(second, "select public.end_session(%s)", other)


def test_an_address_that_a_visitor_makes_up_links_the_session_and_shows_nothing(shop: Shop) -> None:
    owner, known = shop.contact(email := f"{uuid4()}@people.example"), shop.member()
    ticket = shop.ticket(owner)
    shop.say(ticket, body_text="My card number is 4711")
    anonymous, someone = visitor(shop)
    begun = register(shop, someone, external_id="web-1")
    assert session_row(shop, begun["session_id"])["contact_id"] == anonymous
    claimed, made_up = (
        register(shop, someone, external_id="web-1", email=address) for address in (email, f"{uuid4()}@people.example")
    )
    assert claimed == made_up == begun, "whether the address was known cannot be told"
    register(shop, someone, external_id="web-1", email=email)
    assert session_row(shop, begun["session_id"])["contact_id"] == owner
    assert register(shop, someone, external_id="web-1") == begun
    assert session_row(shop, begun["session_id"])["contact_id"] == owner, "nor is the link lost"
    see(shop, someone, begun["session_id"], "https://shop.example/prices")
    assert [entry["kind"] for entry in journey(shop, known, owner)["entries"]][:1] == ["event"]
    for hidden in ("tickets", "messages", "sessions", "session_events", "tags", "contact_tags"):
        assert shop.as_(someone, f"select * from public.{hidden}") == [], hidden
    with not_there():
        journey(shop, someone, owner)


def test_a_contact_that_was_merged_registers_under_either_address(shop: Shop) -> None:
    (winner, first), (loser, second) = shop.customer(), shop.customer()
    shop.as_(shop.member("manager"), "select public.merge_contacts(%s, %s)", winner, [loser])
    address = shop.value("select email from public.contacts where id = %s", loser)
    for customer in (first, second):
        answer = register(shop, customer, external_id="one", email=address)
        assert session_row(shop, answer["session_id"])["contact_id"] == winner


def test_strangers_register_nothing(shop: Shop) -> None:
    for nobody in (Actor("authenticated", new_user(shop.db)), shop.member("viewer")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="you may not register"):
            register(shop, nobody, email="ada@home.example")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        register(shop, ANON, email="ada@home.example")
    other = Actor("pgdesk_functions", organization_id=new_shop(shop.settings, shop.db).organization)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(
            other, "select private.register_session(%s, 'x', null, null, null, null, null, null, null, null)",
            shop.organization,
        )  # fmt: skip


def test_a_visitor_sees_no_session_and_no_members_sight_of_its_journey(shop: Shop) -> None:
    contact, customer = shop.customer()
    mine = register(shop, customer)["session_id"]
    see(shop, customer, mine, "https://shop.example/prices")
    ticket = shop.ticket(contact)
    shop.say(ticket, body_text="Where is it?")
    shop.say(ticket, "member", member_id=shop.member().user_id, is_internal=True, body_text="A difficult one")
    assert shop.as_(customer, "select * from public.sessions") == []
    assert shop.as_(customer, "select * from public.session_events") == []
    seen = journey(shop, customer, contact)["entries"]
    assert [(entry["kind"], entry.get("text")) for entry in seen] == [("message", "Where is it?"), ("ticket", None)]
    with not_there():
        journey(shop, customer, shop.contact())


def test_a_journey_is_one_list_of_visits_pages_tickets_and_words_newest_first(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    visit = session(shop, contact)
    for page in ("prices", "returns"):
        see(shop, agent, visit, f"https://shop.example/{page}")
    ticket = shop.ticket(contact)
    shop.say(ticket, body_text="Where is it?")
    session(shop, shop.contact())
    seen = journey(shop, agent, contact)
    assert [entry["kind"] for entry in seen["entries"]] == ["message", "ticket", "event", "event", "session"]
    assert [entry["url"] for entry in seen["entries"] if entry["kind"] == "event"] == [
        "https://shop.example/returns", "https://shop.example/prices",
    ]  # fmt: skip
    assert seen["cursor"] is None


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_journey_read_page_by_page_misses_nothing_and_repeats_nothing(shop: Shop, size: int) -> None:
    """Though all of it happened at the same instant."""
    agent, contact = shop.member(), shop.contact()
    with shop.db.transaction():
        for _ in range(2):
            visit = session(shop, contact)
            for seq in range(1, 4):
                shop.db.execute(
                    "insert into public.session_events (organization_id, session_id, seq, created_at)"
                    " values (%s, %s, %s, now())",
                    [shop.organization, visit, seq],
                )
            ticket = shop.ticket(contact)
            shop.say(ticket)
            shop.say(ticket)
    whole = journey(shop, agent, contact, size=200)["entries"]
    assert len(whole) == 14
    read, cursor = [], None
    while True:
        page = journey(shop, agent, contact, cursor, size)
        read += page["entries"]
        assert len(page["entries"]) <= size
        cursor = page["cursor"]
        if cursor is None:
            break
    assert read == whole


@pytest.mark.parametrize("cursor", ["", "1", "1:x", "x:01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "1:" + "-" * 36])
def test_a_cursor_that_is_none_is_refused(shop: Shop, cursor: str) -> None:
    with pytest.raises(psycopg.DataError, match="not a cursor"):
        journey(shop, shop.member(), shop.contact(), cursor)


def test_the_newest_events_of_a_session_are_kept(shop: Shop) -> None:
    agent, visit = shop.member(), session(shop)
    shop.db.execute("update public.sessions set last_seq = 600 where id = %s", [visit])
    shop.db.execute(
        "insert into public.session_events (organization_id, session_id, seq)"
        " select %s, %s, g from generate_series(1, 600) as g",
        [shop.organization, visit],
    )
    see(shop, agent, visit, "https://shop.example/")
    kept = shop.db.execute("select min(seq), max(seq) from public.session_events where session_id = %s", [visit])
    assert kept.fetchone() == {"min": 102, "max": 601}


def test_events_of_one_session_at_once_are_numbered_without_a_gap(shop: Shop, shared: Settings) -> None:
    agent, visit = shop.member(), session(shop)

    def seeing() -> None:
        with connect(shared, "supabase_admin") as db, db.transaction():
            act_as(db, agent)
            db.execute("select public.record_session_event(%s)", [visit])

    together(*[seeing] * 6)
    rows = shop.db.execute("select seq from public.session_events where session_id = %s order by seq", [visit])
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_typed_ids_are_those_of_the_platform_this_came_from(shop: Shop) -> None:
    visit = session(shop)
    assert shop.value("select public.typed_id('session', %s)", visit) == f"wses_{visit.hex}"
    assert shop.value("select public.uuid_of(%s)", f"wses_{visit.hex}") == visit
    assert shop.value("select public.typed_id('tag', %s)", visit) == f"wtag_{visit.hex}"
