"""The numbers told in another way: one walk through each ticket's history, and everything added up in a dictionary."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.data_model.shop import Shop

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
Row = Mapping[str, Any]
TIMES = ("first_response", "next_response", "full_resolution")


@dataclass(frozen=True)
class Entry:
    measure: str
    at: datetime
    value: int | None = None
    agent: UUID | None = None
    team: UUID | None = None
    by: str | None = None


def entries(history: Sequence[Row], ratings: Sequence[Row], clocks: Sequence[Row]) -> Iterator[Entry]:
    """What one ticket counts for."""
    born, last = history[0]["at"], history[-1]
    yield Entry("created", born, None, last["assignee_id"], last["team_id"])
    if last["status_category"] != "resolved":
        yield Entry(last["status_category"], born, None, last["assignee_id"], last["team_id"])
    standing: list[Entry] = []  # whose the ticket was since then
    asked: datetime | None = None
    answered: list[str] = []
    before = None
    for place, step in enumerate(history):
        wrote, category = step["wrote"], step["status_category"]
        agent = step["assignee_id"] or (step["actor_id"] if category == "resolved" else None)
        if wrote in ("member", "ai"):
            agent = (step["actor_id"] or step["assignee_id"]) if wrote == "member" else None
            here = Entry("answer", step["at"], None, agent, step["team_id"], wrote)
            yield here
            if asked:
                times = "next_response" if answered else "first_response"
                yield replace(here, measure=times, value=ms(asked, here.at))
            answered.append(wrote)
            asked = None
        by = {0: "nobody", 1: next(iter(answered), ""), 2: "both"}[len(set(answered))]
        here = Entry("", step["at"], None, agent, step["team_id"], by)
        standing.append(here)
        if wrote == "contact":
            yield replace(here, measure="question", by=None)
            asked = asked or here.at
        if category == "resolved" and before != "resolved":
            yield from _resolved(here, born, history[place:], ratings)
            if answered:  # a first question that is resolved without an answer is still the first
                asked = None
        before = category
    yield from _told(standing, ratings, clocks)


def _resolved(here: Entry, born: datetime, after: Sequence[Row], ratings: Sequence[Row]) -> Iterator[Entry]:
    again = next((step["at"] for step in after if step["status_category"] != "resolved"), None)
    said = [r["score"] for r in ratings if here.at <= r["at"] and (again is None or r["at"] < again)]
    yield replace(here, measure="resolved")
    yield replace(here, measure=f"resolved_by_{here.by}")
    if again is None:
        yield replace(here, measure="full_resolution", value=ms(born, here.at))
    if again and again - here.at <= timedelta(days=7):
        yield replace(here, measure="reopened")
    elif said and said[-1] != 3:
        yield replace(here, measure="confirmed" if said[-1] > 3 else "disputed")


def _told(standing: Sequence[Entry], ratings: Sequence[Row], clocks: Sequence[Row]) -> Iterator[Entry]:
    def then(at: datetime) -> Entry:
        return replace(next((each for each in reversed(standing) if each.at <= at), standing[0]), at=at)

    for rating in ratings:
        here = replace(then(rating["at"]), value=rating["score"], agent=rating["member_id"], team=rating["team_id"])
        yield replace(here, measure="csat")
        if rating["score"] > 3:
            yield replace(here, measure="csat_good")
    for clock in clocks:
        if at := clock["breached_at"] or clock["stopped_at"]:
            yield replace(then(at), measure=f"{clock['metric']}_{'broken' if clock['breached_at'] else 'kept'}")


def ms(starts: datetime, ends: datetime) -> int:
    return (ends - starts) // timedelta(milliseconds=1)


def bucket(milliseconds: int) -> int:
    """The first whose upper bound, 2 ** (bucket / 4) seconds, is above."""
    return next((number for number in range(95) if milliseconds / 1000 < 2 ** (number / 4)), 95)


def places(entry: Entry, ticket: Row) -> Iterable[tuple[str, str]]:
    single = {
        "organization": "", "team": entry.team, "agent": entry.agent, "channel": ticket["channel"],
        "category": ticket["category_id"], "handled_by": entry.by,
    }  # fmt: skip
    yield from ((dimension, str(key)) for dimension, key in single.items() if key is not None)
    yield from (("tag", tag) for tag in ticket["tags"])


Sums = dict[tuple[str, str, str, Any], tuple[int, int, Counter[int]]]


def reckon(shop: Shop) -> Sums:
    """(dimension, key, measure, day) → (count, sum, entries by bucket), from the rows that the numbers stand on."""
    counts: Counter[Any] = Counter()
    sums: Counter[Any] = Counter()
    histograms: dict[Any, Counter[int]] = defaultdict(Counter)
    for ticket in rows(
        shop, "select * from public.tickets where organization_id = %s and not is_spam and merged_into is null"
    ):
        of_it = (
            rows(
                shop,
                f"select * from public.{table} where organization_id = %s and ticket_id = %s order by {order}",
                ticket["id"],
            )
            for table, order in (("ticket_history", "step"), ("csat_ratings", "at"), ("sla_clocks", "cycle"))
        )
        for entry in entries(*of_it):
            for dimension, key in places(entry, ticket):
                where = (dimension, key, entry.measure, entry.at.astimezone(UTC).date())
                counts[where] += 1
                sums[where] += entry.value or 0
                if entry.measure in TIMES:
                    histograms[where][bucket(entry.value or 0)] += 1
    return {where: (count, sums[where], histograms[where]) for where, count in counts.items()}


def kept(shop: Shop) -> Sums:
    """The same as it is stored."""
    found: Sums = {}
    for row in rows(
        shop, "select *, histogram::real[] as lengths from private.daily_metrics where organization_id = %s"
    ):
        lengths = Counter({number: int(each) for number, each in enumerate(row["lengths"] or ()) if each})
        if row["count"] or row["sum"] or lengths:
            found[row["dimension"], row["key"], row["measure"], row["day"]] = (row["count"], row["sum"], lengths)
    return found


def rows(shop: Shop, statement: str, *parameters: object) -> list[dict[str, Any]]:
    return shop.db.execute(statement, [shop.organization, *parameters]).fetchall()


def nearest_rank(values: Iterable[float], share: float) -> float:
    """The value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def named_on_page(heading: str) -> set[str]:
    """What the first column of the tables under a heading of docs/metrics.md names."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
