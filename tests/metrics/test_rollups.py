"""The sums that reports are read from are those of the tickets, whatever happens to them and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import FULL
from tests.data_model.shop import Shop
from tests.metrics.reckoning import kept, named_on_page, reckon
from tests.people import Actor
from tests.sla.promises import HOUR, policy, run

RING = 'select private.ring(\'{"ring": "metrics"}\')'


def ring(shop: Shop) -> None:
    """What the clock does, as often as it asks for it."""
    while waiting(shop):
        shop.as_(shop.functions, RING)


def waiting(shop: Shop) -> int:
    count: int = shop.value("select count(*) from private.unmeasured where organization_id = %s", shop.organization)
    return count


@dataclass
class World:
    """An organization where things happen to tickets."""

    shop: Shop
    agents: list[Actor]
    teams: list[UUID]
    categories: list[UUID]
    tickets: list[UUID] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)

    def opened(self, _: int) -> None:
        self.tickets.append(self.shop.ticket())

    def asks(self, n: int) -> None:
        self.shop.say(self._one(n))

    def answers(self, n: int) -> None:
        ticket, agent = self._one(n), self.agents[n % len(self.agents)]
        self.shop.as_(agent, "select public.send_reply(%s, 'It is on its way.', 1000)", ticket)

    def answers_by_mail(self, n: int) -> None:
        self.shop.say(self._one(n), "member", member_id=self.agents[n % len(self.agents)].user_id)

    def ai_answers(self, n: int) -> None:
        self.shop.say(self._one(n), "ai")

    def status(self, n: int) -> None:
        statuses = ["solved", "solved", "solved", "open", "pending", "on_hold", "closed"]
        self._set(n, "status", statuses[n // 7 % len(statuses)])

    def solved_by_hand(self, n: int) -> None:
        self.shop.as_(
            self.agents[n % len(self.agents)],
            "update public.tickets set status = 'solved' where id = %s",
            self._one(n),
        )

    def assignee(self, n: int) -> None:
        self._set(n, "assignee_id", [*(agent.user_id for agent in self.agents), None][n // 7 % 3])

    def team(self, n: int) -> None:
        self._set(n, "team_id", [*self.teams, None][n // 7 % 3])

    def category(self, n: int) -> None:
        self._set(n, "category_id", [*self.categories, None][n // 7 % 3])

    def tags(self, n: int) -> None:
        self._set(n, "tags", [["refund"], ["refund", "angry"], []][n // 7 % 3])

    def spam(self, n: int) -> None:
        self._set(n, "is_spam", n // 7 % 2 == 0)

    def rated(self, n: int) -> None:
        ticket = self.shop.ticket_row(self._one(n))
        survey = self.shop.value(
            "insert into public.csat_surveys (organization_id, ticket_id, contact_id, resolved_at, member_id, team_id)"
            " values (%s, %s, %s, clock_timestamp(), %s, %s) returning id",
            self.shop.organization, ticket["id"], ticket["contact_id"], ticket["assignee_id"], ticket["team_id"],
        )  # fmt: skip
        self.shop.db.execute(
            "insert into public.csat_ratings (organization_id, survey_id, ticket_id, contact_id, member_id, team_id,"
            " score, via, at) select organization_id, id, ticket_id, contact_id, member_id, team_id, %s, 'link',"
            " clock_timestamp() from public.csat_surveys where id = %s",
            [1 + n // 7 % 5, survey],
        )

    def solved_and_rated(self, n: int) -> None:
        self._set(n, "status", "solved")
        self.rated(n)

    def time_passes(self, n: int) -> None:
        ticket, by = self._one(n), timedelta(hours=[1, 30, 24 * 8][n // 7 % 3], milliseconds=n)
        for table in ("ticket_history", "csat_ratings"):
            self.shop.db.execute(f"update public.{table} set at = at - %s where ticket_id = %s", [by, ticket])
        run(self.shop, ticket)
        self.shop.db.execute(
            "insert into private.unmeasured (organization_id, ticket_id) values (%s, %s)",
            [self.shop.organization, ticket],
        )

    def deleted(self, n: int) -> None:
        ticket = self._one(n)
        self.tickets.remove(ticket)
        self.shop.db.execute("delete from public.tickets where id = %s", [ticket])

    def merged(self, n: int) -> None:
        loser, winner = self._one(n), self._one(n // 7)
        if loser != winner:
            self.tickets.remove(loser)
            self.moves += self.shop.as_(
                self.agents[0], "select id from public.merge_tickets(%s, %s, true)", winner, [loser]
            )

    def unmerged(self, n: int) -> None:
        if self.moves:
            move = self.moves.pop(n % len(self.moves))
            undone = self.shop.as_(
                self.agents[0],
                "select (public.undo_move(m.id)).from_ticket_id from public.ticket_moves as m where m.id = %s",
                move["id"],
            )
            self.tickets += [row["from_ticket_id"] for row in undone]

    def measured(self, _: int) -> None:
        self.shop.as_(self.shop.functions, RING)

    def _one(self, n: int) -> UUID:
        if not self.tickets:
            self.opened(n)
        return self.tickets[n % len(self.tickets)]

    def _set(self, n: int, column: str, value: Any) -> None:
        self.shop.db.execute(f"update public.tickets set {column} = %s where id = %s", [value, self._one(n)])


COMMON = ["asks", "answers", "ai_answers", "status", "solved_by_hand", "solved_and_rated", "time_passes"]
RARE = [
    "opened", "answers_by_mail", "assignee", "team", "category", "tags", "spam", "rated", "deleted", "merged",
    "unmerged", "measured",
]  # fmt: skip


@pytest.fixture
def world(shop: Shop) -> World:
    """Two agents, teams and categories, and promises that are broken soon."""
    policy(shop, first=HOUR, following=HOUR, resolution=24 * HOUR)
    names = ("one", "two")
    teams = [
        shop.value(
            "insert into public.teams (organization_id, name) values (%s, %s) returning id", shop.organization, n
        )
        for n in names
    ]
    categories = [
        shop.value(
            "insert into public.ticket_categories (organization_id, key, name) values (%s, %s, %s) returning id",
            shop.organization, n, n,
        )
        for n in names
    ]  # fmt: skip
    return World(shop, [shop.member(), shop.member()], teams, categories)


@given(st.lists(st.tuples(st.sampled_from(COMMON * 3 + RARE), st.integers(0, 10_000)), min_size=40, max_size=60))
@settings(max_examples=100 if FULL else 12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_sums_are_those_of_the_tickets_as_they_are_now(world: World, happenings: list[tuple[str, int]]) -> None:
    shop = world.shop
    for what, n in [("opened", 0), ("opened", 0), ("asks", 0), ("asks", 1), *happenings]:
        getattr(world, what)(n)
    ring(shop)
    reckoned = reckon(shop)
    assert kept(shop) == reckoned
    assert {measure for _, _, measure, _ in reckoned} <= named_on_page("What is measured of a ticket")
    shop.db.execute("delete from private.daily_metrics where organization_id = %s", [shop.organization])
    shop.db.execute("delete from private.ticket_measures where organization_id = %s", [shop.organization])
    shop.db.execute("select private.remeasure(%s)", [shop.organization])
    ring(shop)
    assert kept(shop) == reckoned
    shop.db.execute("delete from public.tickets where organization_id = %s", [shop.organization])
    world.tickets.clear()
    world.moves.clear()
    ring(shop)
    assert kept(shop) == {}
