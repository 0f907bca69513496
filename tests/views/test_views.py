"""Views of tickets: whose they are, what is in them, page by page, and how much."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.plans import cost
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor, not_there

OPEN = {"field": "status_category", "op": "is", "value": "open"}
MINE = {"field": "assignee_id", "op": "is", "value": "me"}
MY_TEAMS = {"field": "team_id", "op": "is", "value": "my_teams"}


def view(shop: Shop, conditions: dict[str, Any], **columns: object) -> UUID:
    given = {"organization_id": shop.organization, "name": "A view", "conditions": Jsonb(conditions)} | columns
    names, places = ", ".join(given), ", ".join(f"%({name})s" for name in given)
    row = shop.db.execute(f"insert into public.ticket_views ({names}) values ({places}) returning id", given).fetchone()
    assert row
    return UUID(str(row["id"]))


def team(shop: Shop, *members: Actor) -> UUID:
    made: UUID = shop.value(
        "insert into public.teams (organization_id, name) values (%s, %s) returning id", shop.organization, str(uuid4())
    )
    for member in members:
        shop.db.execute(
            "insert into public.team_members (organization_id, team_id, user_id) values (%s, %s, %s)",
            [shop.organization, made, member.user_id],
        )
    return made


def change(shop: Shop, ticket: UUID, **columns: object) -> UUID:
    for name, value in columns.items():
        shop.db.execute(f"update public.tickets set {name} = %s where id = %s", [value, ticket])
    return ticket


def seen(shop: Shop, actor: Actor, view_id: UUID, **options: object) -> list[UUID]:
    given = "".join(f", {name} => %({name})s" for name in options)
    with shop.acting(actor) as db:
        statement = f"select id from public.view_tickets(%(view_id)s{given})"
        return [row["id"] for row in db.execute(statement, {"view_id": view_id} | options)]


def counts(shop: Shop, actor: Actor) -> dict[UUID, tuple[int, bool]]:
    rows = shop.as_(actor, "select * from public.view_counts(%s)", shop.organization)
    return {row["view_id"]: (row["tickets"], row["is_capped"]) for row in rows}


def test_an_organization_starts_with_views_that_work(shop: Shop) -> None:
    agent = shop.member()
    mine, lone, asleep, solved = (shop.ticket() for _ in range(4))
    late = change(shop, shop.ticket(), team_id=team(shop, agent), resolution_due_at="yesterday")
    change(shop, mine, assignee_id=agent.user_id)
    shop.as_(agent, "select public.snooze_ticket(%s, now() + interval '1 day')", asleep)
    change(shop, solved, status="solved")
    views = shop.as_(agent, "select id, name from public.ticket_views order by position")
    shown = {row["name"]: set(seen(shop, agent, row["id"])) for row in views}
    assert shown == {
        "Mine": {mine}, "Unassigned": {lone, late}, "My teams": {late}, "All open": {mine, lone, late}, "Late": {late},
        "Waiting": {asleep}, "Snoozed": {asleep}, "Resolved": {solved},
    }  # fmt: skip
    assert counts(shop, agent) == {row["id"]: (len(shown[row["name"]]), False) for row in views}


def test_me_and_my_teams_are_whoever_looks(shop: Shop) -> None:
    one, other = shop.member(), shop.member("viewer")
    assigned = change(shop, shop.ticket(), assignee_id=one.user_id)
    of_team = change(shop, shop.ticket(), team_id=team(shop, other))
    lone = shop.ticket()
    mine, theirs = view(shop, MINE), view(shop, MY_TEAMS)
    others = view(shop, {"all": [MINE | {"op": "is_not"}, MY_TEAMS | {"op": "not_in", "value": ["my_teams"]}]})
    assert (seen(shop, one, mine), seen(shop, other, mine)) == ([assigned], [])
    assert (seen(shop, one, theirs), seen(shop, other, theirs)) == ([], [of_team])
    assert (set(seen(shop, one, others)), set(seen(shop, other, others))) == ({of_team, lone}, {assigned, lone})


def test_a_view_belongs_to_a_member_a_team_or_everybody(shop: Shop) -> None:
    agent, colleague, manager = shop.member(), shop.member(), shop.member("manager")
    own = view(shop, OPEN, user_id=agent.user_id)
    teams = view(shop, OPEN, team_id=team(shop, agent))
    shared = view(shop, OPEN)
    wanted = [own, teams, shared]
    for who, visible in ((agent, {own, teams, shared}), (colleague, {shared}), (manager, {teams, shared})):
        rows = shop.as_(who, "select id from public.ticket_views where id = any (%s)", wanted)
        assert {row["id"] for row in rows} == visible
        assert set(counts(shop, who)) & set(wanted) == visible
    with not_there("there is no view"):
        seen(shop, colleague, own)


def test_members_keep_their_own_views_and_managers_the_shared_ones(shop: Shop) -> None:
    viewer, agent, manager = shop.member("viewer"), shop.member(), shop.member("manager")
    add = "insert into public.ticket_views (organization_id, name, user_id) values (%s, 'New', %s) returning id"
    own = shop.as_(viewer, add, shop.organization, viewer.user_id)[0]["id"]
    assert shop.as_(viewer, "update public.ticket_views set position = 9 where id = %s returning id", own)
    shared = shop.as_(manager, add, shop.organization, None)[0]["id"]
    for who, whose in ((agent, None), (manager, agent.user_id)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.as_(who, add, shop.organization, whose)
    for foreign in (shared, own):
        assert shop.as_(agent, "update public.ticket_views set name = 'x' where id = %s returning id", foreign) == []
        assert shop.as_(agent, "delete from public.ticket_views where id = %s returning id", foreign) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(viewer, "update public.ticket_views set user_id = null where id = %s", own)


def test_views_of_who_leaves_go_with_them(shop: Shop) -> None:
    agent = shop.member()
    own, of_team = view(shop, OPEN, user_id=agent.user_id), team(shop, agent)
    teams = view(shop, OPEN, team_id=of_team)
    shop.db.execute("delete from public.members where user_id = %s", [agent.user_id])
    shop.db.execute("delete from public.teams where id = %s", [of_team])
    assert shop.db.execute("select from public.ticket_views where id = any (%s)", [[own, teams]]).rowcount == 0


def test_what_cannot_be_asked_is_refused_when_it_is_written(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match='there is no field "colour"'):
        view(shop, {"field": "colour", "op": "is", "value": "red"})
    with pytest.raises(psycopg.errors.CheckViolation):
        view(shop, OPEN, sort="subject; drop table public.tickets")
    with pytest.raises(psycopg.errors.CheckViolation):
        view(shop, OPEN, user_id=shop.member().user_id, team_id=team(shop))


def test_a_view_that_names_what_is_gone_is_empty(shop: Shop) -> None:
    agent, gone = shop.member(), team(shop)
    shop.ticket()
    empty = [
        view(shop, {"field": field, "op": "is", "value": value})
        for field, value in (
            ("team_id", str(gone)), ("assignee_id", str(uuid4())), ("status", "gone"), ("category_id", "no uuid"),
        )
    ]  # fmt: skip
    shop.db.execute("delete from public.teams where id = %s", [gone])
    assert [seen(shop, agent, each) for each in empty] == [[]] * 4
    assert [counts(shop, agent)[each] for each in empty] == [(0, False)] * 4


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("sort", ["last_message_at", "number", "priority", "due_at"])
def test_pages_follow_each_other_without_gap_or_repeat(shop: Shop, sort: str, ascending: bool) -> None:
    agent = shop.member()
    for n in range(11):
        ticket = change(
            shop, shop.ticket(), priority=("low", "urgent")[n % 2], status=("open", "pending", "solved")[n % 3]
        )
        if n % 4:
            change(shop, ticket, resolution_due_at=f"2036-01-0{n % 3 + 1}")
    everything = view(shop, {"all": []}, sort=sort, ascending=ascending)
    whole = seen(shop, agent, everything)
    assert len(set(whole)) == 11
    rows = {ticket: shop.ticket_row(ticket) for ticket in whole}
    keys = [
        (str(rows[ticket]["resolution_due_at"] or "infinity") if sort == "due_at" else
         ("low", "normal", "high", "urgent").index(rows[ticket]["priority"]) if sort == "priority" else
         rows[ticket][sort], ticket)
        for ticket in whole
    ]  # fmt: skip
    assert keys == sorted(keys, reverse=not ascending)
    paged: list[UUID] = []
    after = None
    while page := seen(shop, agent, everything, max_tickets=4, after=after):
        paged += page
        after = shop.value("select to_jsonb(t) from public.tickets as t where id = %s", page[-1])
        after = Jsonb(after | {"assignee": {"embedded": "by the client"}})
    assert paged == whole


def test_conditions_are_tried_before_they_are_kept(shop: Shop) -> None:
    agent, ticket = shop.member(), shop.ticket()
    tried = "select id from public.filter_tickets(%s, %s)"
    assert shop.as_(agent, tried, shop.organization, Jsonb(OPEN)) == [{"id": ticket}]
    for statement, message in (
        ('select public.filter_tickets(%s, \'{"field": "x"}\')', 'there is no field "x"'),
        ("select public.filter_tickets(%s, '{\"all\": []}', sort => 'id; --')", "not by id; --"),
        ("select public.filter_tickets(%s, '{\"all\": []}', after => '{}')", "with its id"),
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=message):
            shop.as_(agent, statement, shop.organization)


def test_nobody_but_members_sees_or_counts_anything(shop: Shop) -> None:
    contact, customer = shop.customer()
    shop.ticket(contact)
    everything = view(shop, {"all": []})
    stranger = new_shop(shop.settings, shop.db).member("owner")
    for who in (customer, stranger):
        assert counts(shop, who) == {}
        with not_there():
            seen(shop, who, everything)
        assert shop.as_(who, "select public.filter_tickets(%s, '{\"all\": []}')", shop.organization) == []
        assert shop.as_(who, "select * from private.count_tickets(%s, '{\"all\": []}')", shop.organization) == []


def test_a_count_ends_at_a_thousand(shop: Shop) -> None:
    agent, contact = shop.member(), shop.contact()
    shop.db.execute("set session_replication_role = replica")
    shop.db.execute(
        "insert into public.tickets (organization_id, number, channel, contact_id, is_spam)"
        " select %s, n, 'email', %s, n > 1000 from generate_series(1, 1002) as n",
        [shop.organization, contact],
    )
    shop.db.execute("set session_replication_role = origin")
    exact = view(shop, {"field": "is_spam", "op": "is", "value": False})
    more = view(shop, {"all": []})
    counted = counts(shop, agent)
    assert (counted[exact], counted[more]) == ((1000, False), (1000, True))


def test_a_page_of_what_is_open_is_read_in_its_order(lone_shop: Shop) -> None:
    shop = lone_shop
    agent, contact = shop.member(), shop.contact()
    shop.db.execute("set session_replication_role = replica")
    shop.db.execute(
        "insert into public.tickets (organization_id, number, channel, contact_id, priority, assignee_id,"
        " resolution_due_at, last_message_at) select %s, n, 'email', %s,"
        " (array['low', 'normal', 'urgent'])[1 + n %% 3]::public.ticket_priority,"
        " case when n %% 2 = 0 then %s::uuid end, now() - n * interval '1 minute', now() - n * interval '1 minute'"
        " from generate_series(1, 4000) as n",
        [shop.organization, contact, agent.user_id],
    )
    shop.db.execute("set session_replication_role = origin; analyze public.tickets")
    shop.db.execute("set stats_fetch_consistency = 'none'")
    for sort in ("last_message_at", "priority", "due_at", "number"):
        page = cost(
            shop.db,
            agent,
            "select id from public.filter_tickets(%s, %s, %s, true)",
            [shop.organization, Jsonb(OPEN), sort],
        )
        assert len(page.rows) == 50
        assert page.scanned <= 300, sort
    mine = {"all": [MINE, OPEN]}
    page = cost(shop.db, agent, "select id from public.filter_tickets(%s, %s)", [shop.organization, Jsonb(mine)])
    assert (len(page.rows), page.scanned <= 300) == (50, True)


def test_a_merged_ticket_is_in_no_view(shop: Shop) -> None:
    agent, winner, loser = shop.member(), shop.ticket(), shop.ticket()
    everything = view(shop, {"all": []})
    shop.as_(agent, "select public.merge_tickets(%s, %s, share => true)", winner, [loser])
    assert seen(shop, agent, everything) == [winner]
    assert counts(shop, agent)[everything] == (1, False)
