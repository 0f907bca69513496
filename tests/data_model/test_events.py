"""What happened is told to everyone it concerns, once it can no longer change, and nothing is missed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as sizes
from hypothesis import strategies as some

from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop, together
from tests.people import ANON, Actor, Connection, act_as, connect, new_user

WRITERS = 4


class Client:
    """Follows an organization's events as the documentation of events_since says, and asks nothing else."""

    def __init__(self, db: Connection, organization: UUID, actor: Actor, *, page: int = 500) -> None:
        self.db, self.organization, self.actor, self.page = db, organization, actor, page
        self.seen: dict[str, dict[str, Any]] = {}
        self.cursor: str | None = None
        self.provisional = False
        self.repeats = 0
        self.read()  # from now on

    def read(self) -> dict[str, Any]:
        """One call."""
        with self.db.transaction():
            act_as(self.db, self.actor)
            row = self.db.execute(
                "select public.events_since(%s, %s, %s) as answer", [self.organization, self.cursor, self.page]
            ).fetchone()
        assert row
        answer: dict[str, Any] = row["answer"]
        self.cursor, self.provisional = answer["cursor"], answer["provisional"]
        self.repeats += sum(event["id"] in self.seen for event in answer["events"])
        self.seen |= {event["id"]: event for event in answer["events"]}
        return answer

    def catch_up(self) -> None:
        """Read on until there is no more. Every page brings it forward, so this ends."""
        for _ in range(1000):
            if not self.read()["more"]:
                return
        pytest.fail("it never came to an end")


def emit(db: Connection, organization: UUID, **options: Any) -> str:
    row = db.execute(
        "select private.emit(%s, 'contact.created', gen_random_uuid(), audience => %s, ticket_id => %s) as id",
        [organization, options.get("audience", "agents"), options.get("ticket_id")],
    ).fetchone()
    assert row
    return str(row["id"])


@pytest.fixture
def writers(shared: Settings) -> Iterator[list[Connection]]:
    opened = [
        psycopg.connect(shared.database_url("postgres"), row_factory=psycopg.rows.dict_row) for _ in range(WRITERS)
    ]
    yield opened  # each statement opens a transaction, which lasts until commit or rollback
    for connection in opened:
        connection.close()


def client(shop: Shop, **options: Any) -> Client:
    return Client(shop.db, shop.organization, shop.member("viewer"), **options)


def test_an_event_that_commits_after_a_later_one_is_not_missed(shop: Shop, writers: list[Connection]) -> None:
    reader, (early, late, *_) = client(shop), writers
    first = emit(early, shop.organization)
    second = emit(late, shop.organization)
    late.commit()
    reader.catch_up()
    assert set(reader.seen) == {second}
    assert reader.provisional
    early.commit()
    reader.catch_up()
    assert set(reader.seen) == {first, second}
    assert not reader.provisional


def test_the_cursor_does_not_pass_an_open_transaction(shop: Shop, writers: list[Connection]) -> None:
    reader, (early, late, *_) = client(shop), writers
    emit(early, shop.organization)
    opened = int(early.execute("select pg_current_xact_id()::text as id").fetchone()["id"])  # type: ignore[index]
    for _ in range(3):
        emit(late, shop.organization)
        late.commit()
        reader.catch_up()
        assert reader.cursor is not None
        assert int(reader.cursor.split(":")[1]) <= opened
    early.rollback()
    reader.catch_up()
    reader.catch_up()
    assert int(str(reader.cursor).split(":")[1]) > opened
    assert len(reader.seen) == 3
    assert not reader.provisional


def test_a_transaction_elsewhere_makes_events_come_again_and_nothing_worse(shop: Shop, desk: Settings) -> None:
    """A long transaction in another database of the cluster holds the horizon back."""
    reader = client(shop)
    with psycopg.connect(desk.database_url("postgres")) as elsewhere:
        elsewhere.execute("select pg_current_xact_id()")
        told = {emit(shop.db, shop.organization) for _ in range(3)}
        reader.catch_up()
        reader.catch_up()
        assert set(reader.seen) == told
        assert reader.repeats == 3
        assert reader.provisional
    reader.catch_up()
    reader.catch_up()
    assert reader.repeats == 6  # once more, to settle them
    assert not reader.provisional


def test_pages_cover_everything_once(shop: Shop) -> None:
    reader = client(shop, page=10)
    told = [emit(shop.db, shop.organization) for _ in range(25)]
    sizes_seen = [len(reader.read()["events"]) for _ in range(3)]
    assert sizes_seen == [10, 10, 5]
    assert list(reader.seen) == told  # oldest first
    assert reader.repeats == 0


def test_more_provisional_events_than_a_page_are_all_read(shop: Shop, writers: list[Connection]) -> None:
    """One transaction stays open while 60 events pile up above it: a reader of tens gets past them, again and again."""
    reader, (early, late, *_) = client(shop, page=10), writers
    held = emit(early, shop.organization)
    told = set()
    for _ in range(60):
        told.add(emit(late, shop.organization))
        late.commit()
    reader.catch_up()
    assert set(reader.seen) == told
    told.add(emit(late, shop.organization))
    late.commit()
    reader.catch_up()
    assert set(reader.seen) == told
    assert reader.provisional
    early.commit()
    reader.catch_up()
    assert set(reader.seen) == told | {held}
    reader.catch_up()
    assert not reader.provisional


def test_what_commits_between_two_pages_is_not_missed(shop: Shop, writers: list[Connection]) -> None:
    """Below the place that the pages have reached, and above what was settled when they began."""
    reader, (early, late, *_) = client(shop, page=10), writers
    held = emit(early, shop.organization)
    for _ in range(25):
        emit(late, shop.organization)
        late.commit()
    assert reader.read()["more"]
    early.commit()
    reader.catch_up()
    assert reader.provisional  # so it reads again
    reader.catch_up()
    assert held in reader.seen
    assert len(reader.seen) == 26
    assert not reader.provisional


def test_an_idle_cursor_moves_on_with_the_horizon(shop: Shop) -> None:
    """So that a quiet organization's reader does not keep a cursor until it is too old."""
    reader = client(shop)
    before = int(str(reader.cursor).split(":")[1])
    new_shop(shop.settings, shop.db)
    reader.read()
    assert int(str(reader.cursor).split(":")[1]) > before


@pytest.mark.parametrize("asked", [-1, 0, 1, 100000, None])
def test_any_page_size_is_brought_into_bounds(shop: Shop, asked: int | None) -> None:
    reader = client(shop, page=asked)
    told = {emit(shop.db, shop.organization) for _ in range(3)}
    reader.catch_up()
    assert set(reader.seen) == told


STEPS = some.lists(some.tuples(some.integers(0, WRITERS - 1), some.sampled_from("eeecrR")), max_size=40)


@sizes(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, page=some.integers(1, 6))
def test_in_every_order_of_writes_commits_and_reads_nothing_is_missed(
    shop: Shop, writers: list[Connection], steps: list[tuple[int, str]], page: int
) -> None:
    """e: a writer tells an event; c: commits; r: rolls back; R: the client reads one page."""
    own = new_shop(shop.settings, shop.db)
    reader = client(own, page=page)
    pending: list[set[str]] = [set() for _ in writers]
    told: set[str] = set()
    for who, step in steps:
        if step == "e":
            pending[who].add(emit(writers[who], own.organization))
        elif step == "R":
            reader.read()
            assert set(reader.seen) <= told  # nothing that was not committed
        else:
            if step == "c":
                writers[who].commit()
                told |= pending[who]
            else:
                writers[who].rollback()
            pending[who].clear()
    for who, writer in enumerate(writers):
        writer.commit()
        told |= pending[who]
    for _ in range(3):  # ends what was begun, reads anew, settles
        reader.catch_up()
    assert set(reader.seen) == told
    assert not reader.provisional


def test_clients_that_read_while_others_write_end_up_with_what_the_database_has(shop: Shop, shared: Settings) -> None:
    """Thousands of steps in threads, transactions of every length, three readers of different page sizes."""
    organization, viewer = shop.organization, shop.member("viewer")
    unfinished = [True] * WRITERS
    readers: list[Client] = []

    def write(who: int) -> None:
        dice = random.Random(who)
        with psycopg.connect(shared.database_url("postgres"), row_factory=psycopg.rows.dict_row) as db:
            for _ in range(150):
                for _ in range(dice.randint(1, 8)):
                    emit(db, organization)
                db.rollback() if dice.random() < 0.2 else db.commit()
        unfinished[who] = False

    def follow(page: int) -> None:
        with connect(shared, "authenticator") as db:
            reader = Client(db, organization, viewer, page=page)
            readers.append(reader)
            reader.cursor = "1:0:0"
            while any(unfinished):
                reader.read()
            for _ in range(3):
                reader.catch_up()
            assert not reader.provisional

    together(*[lambda who=who: write(who) for who in range(WRITERS)], *[lambda n=n: follow(n) for n in (3, 50, 500)])
    rows = shop.db.execute("select id::text from public.events where organization_id = %s", [organization]).fetchall()
    expected = {row["id"] for row in rows}
    assert len(expected) > 1500
    for reader in readers:
        assert set(reader.seen) == expected


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "1", "1:2", "1:2:3:4", "1:2:3:4:5:6", "1:-2:3", "1:2:3'--", "1:2:3\n", "٣:٢:١", "9999999999:1:1",
     "1:1:" + "9" * 40],
)  # fmt: skip
def test_what_is_not_a_cursor_is_refused_by_name(shop: Shop, cursor: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not a cursor"):
        shop.as_(shop.member(), "select public.events_since(%s, %s)", shop.organization, cursor)


@pytest.mark.parametrize("cursor", ["2:1:0", "0:1:0", "1:9999999999999999999:0", "1:1:0:9999999999999999999:1"])
def test_a_cursor_of_another_time_is_told_to_load_anew(shop: Shop, cursor: str) -> None:
    """From before a restore, or from a database whose transactions had come further."""
    with pytest.raises(psycopg.DatabaseError, match="before a restore") as refused:
        shop.as_(shop.member(), "select public.events_since(%s, %s)", shop.organization, cursor)
    assert refused.value.sqlstate == "PT410"
    assert "Load everything anew" in str(refused.value)


def test_a_restore_refuses_old_cursors_and_settles_what_it_brought(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        reader = client(shop)
        restored = emit(db, shop.organization)
        # As in a dump from a cluster that had come much further.
        db.execute("update public.events set txid = '1000000000' where id = %s", [restored])
        assert db.execute("select private.begin_epoch() as epoch").fetchone() == {"epoch": 2}
        with pytest.raises(psycopg.DatabaseError, match="before a restore"):
            reader.read()
        fresh = client(shop)
        later = emit(db, shop.organization)
        fresh.catch_up()
        assert list(fresh.seen) == [later]
        assert not fresh.provisional
        fresh.cursor = "2:0:0"
        fresh.catch_up()
        assert list(fresh.seen) == [later, restored]


def test_a_cursor_older_than_what_is_kept_is_told_to_load_anew(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        behind, ahead = client(shop), client(shop)
        emit(db, shop.organization)
        ahead.catch_up()
        ahead.catch_up()
        db.execute("update public.events set created_at = now() - interval '91 days'")
        assert shop.value("select private.maintain() ->> 'events'") == "1"
        with pytest.raises(psycopg.DatabaseError, match="older than the events that are kept"):
            behind.read()
        told = emit(db, shop.organization)
        ahead.catch_up()
        assert told in ahead.seen


def test_a_contact_hears_what_is_meant_for_it_on_its_own_tickets(shop: Shop) -> None:
    contact, customer = shop.customer()
    reader = Client(shop.db, shop.organization, customer, page=2)
    stranger = Client(shop.db, shop.organization, Actor("authenticated", new_user(shop.db)))
    mine, other = shop.ticket(contact), shop.ticket()
    for ticket in (mine, other):
        shop.say(ticket)
        shop.say(ticket, "member", is_internal=True)
        shop.say(ticket, sender_status="pending")
        shop.say(ticket, "ai")
    reader.catch_up()
    stranger.catch_up()
    assert {event["ticket_id"] for event in reader.seen.values()} == {str(mine)}
    assert {event["audience"] for event in reader.seen.values()} == {"contact"}
    assert [event["type"] for event in reader.seen.values()] == [
        "ticket.created", "message.received", "ticket.status.changed", "message.sent"
    ]  # fmt: skip
    assert stranger.seen == {}


def test_an_agent_who_is_also_a_contact_of_another_desk_reads_both(shop: Shop) -> None:
    away = new_shop(shop.settings, shop.db)
    agent = shop.member()
    email = shop.value("select email from auth.users where id = %s", agent.user_id)
    ticket = away.ticket(away.contact(email))
    both = [Client(shop.db, each.organization, agent) for each in (shop, away)]
    for reader in both:
        reader.cursor = "1:0:0"
        reader.catch_up()
    assert {event["ticket_id"] for event in both[1].seen.values()} == {str(ticket)}
    assert both[0].seen.keys().isdisjoint(both[1].seen)


def test_events_carry_ids_and_changed_fields_and_never_bodies(shop: Shop) -> None:
    secret = f"my card number is {uuid4()}"
    ticket = shop.ticket()
    shop.say(ticket, body_text=secret, body_html=secret, reply_text=secret)
    shop.say(ticket, "member", body_text=secret, is_internal=True)
    shop.db.execute("update public.tickets set subject = %s, tags = '{vip}' where id = %s", [secret, ticket])
    told = shop.db.execute("select e::text as told from public.events as e where ticket_id = %s", [ticket]).fetchall()
    assert len(told) >= 4
    assert not [row for row in told if secret in row["told"]]
    assert shop.events(ticket)[-1]["data"] == {"subject": None, "tags": ["vip"]}


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "pgdesk_functions"])
def test_what_happened_cannot_be_changed(shop: Shop, role: str) -> None:
    for verb in ("insert", "update", "delete", "truncate"):
        assert not shop.value("select has_table_privilege(%s, 'public.events', %s)", role, verb), verb
        assert not shop.value("select has_any_column_privilege(%s, 'public.events', 'update')", role)
    for function in ("private.emit(uuid, text, uuid, jsonb, text, uuid)", "private.begin_epoch()"):
        assert not shop.value("select has_function_privilege(%s, %s, 'execute')", role, function)


def test_anon_hears_nothing(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(ANON, "select public.events_since(%s)", shop.organization)
