"""Who is given a ticket: in turn, within capacity, by skill, without anybody or anything being forgotten."""

from __future__ import annotations

import random
from collections import Counter
from uuid import UUID

import psycopg
import pytest

from infra.local.settings import Settings
from tests.assignment.line import agent, asked, assign, assignee, join, loads, skill, solve, team, waiting
from tests.data_model.shop import Shop, together
from tests.people import connect


def test_a_team_that_assigns_by_hand_is_left_alone(shop: Shop) -> None:
    support = team(shop, "manual")
    agent(shop, support)
    ticket = waiting(shop, support)
    assert asked(shop) == 0
    assert assignee(shop, ticket) is None


def test_a_ticket_goes_at_once_to_somebody_at_work_with_room(shop: Shop) -> None:
    support = team(shop)
    agent(shop, support, status="away")
    agent(shop, support, capacity=0)
    agent(shop)  # of no team
    takes = agent(shop, support)
    ticket = waiting(shop, support)
    assign(shop)
    assert assignee(shop, ticket) == takes.user_id


@pytest.mark.parametrize("change", ["solved", "waits for the customer", "given away", "more capacity", "back at work",
                                    "a colleague joins"])  # fmt: skip
def test_what_waits_is_given_away_as_soon_as_there_is_room(shop: Shop, change: str) -> None:
    """No poll: each of these asks for the round that gives the ticket away."""
    support = team(shop)
    busy, other = agent(shop, support, capacity=1), agent(shop, status="away")
    first, second = waiting(shop, support), waiting(shop, support)
    assign(shop)
    assert (assignee(shop, first), assignee(shop, second)) == (busy.user_id, None)
    expected = busy.user_id
    if change == "solved":
        solve(shop, first)
    elif change == "waits for the customer":
        shop.say(first, "member", member_id=busy.user_id)
    elif change == "given away":
        shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [other.user_id, first])
    elif change == "more capacity":
        shop.as_(
            shop.member("manager"), "update public.member_availability set capacity = 2 where user_id = %s", expected
        )
    elif change == "back at work":
        join(shop, other, support)
        assign(shop)
        assert assignee(shop, second) is None
        shop.as_(other, "select public.set_availability(%s, 'online')", shop.organization)
        expected = other.user_id
    else:
        shop.db.execute("update public.member_availability set status = 'online' where user_id = %s", [other.user_id])
        assign(shop)
        assert assignee(shop, second) is None
        join(shop, other, support)
        expected = other.user_id
    assert asked(shop) == 1
    assign(shop)
    assert assignee(shop, second) == expected


def test_who_goes_away_for_good_hands_over_what_is_open_and_who_goes_for_lunch_does_not(shop: Shop) -> None:
    support = team(shop)
    one = agent(shop, support)
    ticket = waiting(shop, support)
    assign(shop)
    other = agent(shop, support)
    shop.as_(one, "select public.set_availability(%s, 'away')", shop.organization)
    assign(shop)
    assert assignee(shop, ticket) == one.user_id
    shop.as_(one, "select public.set_availability(%s, 'away_reassign')", shop.organization)
    assign(shop)
    assert assignee(shop, ticket) == other.user_id


def test_the_tickets_of_a_member_who_leaves_go_to_others(shop: Shop) -> None:
    support = team(shop)
    leaves = agent(shop, support)
    ticket = waiting(shop, support)
    assign(shop)
    stays = agent(shop, support)
    shop.db.execute("delete from public.members where user_id = %s", [leaves.user_id])
    assign(shop)
    assert assignee(shop, ticket) == stays.user_id


def test_a_skill_is_asked_for_where_anybody_of_the_team_has_it(shop: Shop) -> None:
    support = team(shop)
    knows, does_not = agent(shop, support, capacity=1), agent(shop, support)
    billing, unheard_of = skill(shop, "billing", knows), skill(shop, "astrology")
    tickets = [waiting(shop, support, category_id=billing) for _ in range(2)]
    odd = waiting(shop, support, category_id=unheard_of)
    assign(shop)
    assert [assignee(shop, each) for each in tickets] == [knows.user_id, None]
    assert assignee(shop, odd) == does_not.user_id


def test_spam_and_what_the_ai_still_works_on_are_given_to_nobody(shop: Shop) -> None:
    support = team(shop)
    agent(shop, support)
    spam, with_ai = waiting(shop, support, is_spam=True), waiting(shop, support, ai_state="on")
    assign(shop)
    assert assignee(shop, spam) is None
    assert assignee(shop, with_ai) is None


def test_a_ticket_that_the_ai_keeps_for_too_long_is_given_to_a_person(shop: Shop) -> None:
    support = team(shop)
    takes = agent(shop, support)
    ticket = waiting(shop, support, ai_state="on")
    job = "update private.jobs set run_at = now() where dedupe_key = 'assign:' || %s::text returning id"
    shop.db.execute("update public.tickets set created_at = now() - interval '11 minutes' where id = %s", [ticket])
    assert shop.db.execute(job, [ticket]).rowcount == 1
    assign(shop)
    assert assignee(shop, ticket) == takes.user_id


def test_urgent_tickets_overtake_but_nothing_waits_for_ever(shop: Shop) -> None:
    support = team(shop)
    takes = agent(shop, support, capacity=0)
    old, low, urgent = waiting(shop, support), waiting(shop, support, priority="low"), waiting(shop, support)
    shop.db.execute("update public.tickets set priority = 'urgent' where id = %s", [urgent])
    shop.db.execute("update public.tickets set created_at = now() - interval '2 days' where id = %s", [old])
    taken: list[UUID] = []
    for capacity in (1, 2, 3):
        shop.db.execute(
            "update public.member_availability set capacity = %s where user_id = %s", [capacity, takes.user_id]
        )
        assign(shop)
        taken += [each for each in (old, low, urgent) if assignee(shop, each) and each not in taken]
    assert taken == [old, urgent, low]


def test_in_a_day_of_turns_everybody_has_as_many_as_anybody_else(shop: Shop) -> None:
    """Five people, 150 tickets that come and go at random: never two more for one than for another, and none waits."""
    dice, support = random.Random(7), team(shop)
    people = [agent(shop, support, capacity=100) for _ in range(5)]
    given: Counter[object] = Counter({someone.user_id: 0 for someone in people})
    open_tickets = []
    for _ in range(150):
        ticket = waiting(shop, support, priority=dice.choice(["low", "normal", "high", "urgent"]))
        assign(shop)
        given[assignee(shop, ticket)] += 1
        open_tickets.append(ticket)
        while open_tickets and dice.random() < 0.4:
            solve(shop, open_tickets.pop(dice.randrange(len(open_tickets))))
        assert max(given.values()) - min(given.values()) <= 1
    assert sum(given.values()) == 150
    assert set(given) == {someone.user_id for someone in people}


def test_by_load_whoever_has_least_is_next_and_nobody_has_more_than_fits(shop: Shop) -> None:
    dice, support = random.Random(11), team(shop, "least_loaded")
    capacities = {agent(shop, support, capacity=size).user_id: size for size in (2, 5, 8)}
    line: list[UUID] = []
    taken: list[UUID] = []
    for _ in range(100):
        if dice.random() < 0.55:
            line.append(waiting(shop, support))
        elif taken:
            solve(shop, taken.pop(dice.randrange(len(taken))))
        before = loads(shop)
        assign(shop)
        for ticket in [each for each in line if assignee(shop, each)]:
            line.remove(ticket)
            taken.append(ticket)
            if len(line) == 0:
                free = [load for user, load in before.items() if load < capacities[user]]
                assert before[assignee(shop, ticket)] <= min(free, default=99)  # type: ignore[index]
        after = loads(shop)
        assert all(after[user] <= size for user, size in capacities.items() if user)
        assert not line or all(after[user] == size for user, size in capacities.items() if user)
    assert taken


def test_rounds_at_the_same_time_give_nobody_more_than_fits(shop: Shop, shared: Settings) -> None:
    support = team(shop)
    one = agent(shop, support, capacity=3)
    for _ in range(10):
        waiting(shop, support)

    def round_of_assignment() -> None:
        with connect(shared, "supabase_admin") as db, db.transaction():
            db.execute("select set_config('app.organization_id', %s, true)", [str(shop.organization)])
            db.execute("""select private.ring('{"ring": "assign"}')""")

    together(*[round_of_assignment] * 5)
    assert loads(shop)[one.user_id] == 3  # type: ignore[index]


def test_two_who_ask_for_the_next_get_different_ones_and_the_last_gets_none(shop: Shop, shared: Settings) -> None:
    support = team(shop, "manual")
    people = [agent(shop, support) for _ in range(5)]
    tickets = {waiting(shop, support) for _ in range(4)}
    got = []

    def take(number: int) -> None:
        with connect(shared, "supabase_admin") as db:
            mine = Shop(shared, db, shop.organization)
            got.append(
                [row["id"] for row in mine.as_(people[number], "select * from public.take_next(%s)", shop.organization)]
            )

    together(*[lambda number=number: take(number) for number in range(5)])
    assert sorted(len(each) for each in got) == [0, 1, 1, 1, 1]
    assert {ticket for each in got for ticket in each} == tickets


def test_the_next_is_first_what_one_knows_and_never_anothers_line(shop: Shop) -> None:
    support, sales = team(shop, "manual"), team(shop, "manual", "Sales")
    me = agent(shop, support)
    foreign = skill(shop, "chinese", agent(shop, support))
    waiting(shop, sales)
    hard, easy = waiting(shop, support, category_id=foreign), waiting(shop, support)
    taken = [shop.as_(me, "select * from public.take_next(%s)", shop.organization) for _ in range(3)]
    assert [[row["id"] for row in rows] for rows in taken] == [[easy], [hard], []]


def test_only_agents_take_tickets_or_go_to_work(shop: Shop) -> None:
    stranger, viewer = shop.customer()[1], shop.member("viewer")
    for actor in (stranger, viewer):
        for call in ("take_next(%s)", "set_availability(%s, 'online')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only agents take tickets"):
                shop.as_(actor, f"select * from public.{call}", shop.organization)
    mine = agent(shop)
    raise_own = "update public.member_availability set capacity = 99 where user_id = %s returning capacity"
    assert shop.as_(mine, raise_own, mine.user_id) == []
