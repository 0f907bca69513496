"""What reports say, to whom, and that the page about them names every number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.data_model.shop import Shop
from tests.metrics.reckoning import named_on_page, nearest_rank
from tests.metrics.test_rollups import RING, ring, waiting
from tests.people import ANON, Actor, connect, not_there

DAY = timedelta(days=1)


def report(shop: Shop, actor: Actor | None = None, by: str = "organization", **more: Any) -> list[dict[str, Any]]:
    """All there is, as a manager sees it."""
    given = {"since": datetime.now(UTC) - 400 * DAY, "until": datetime.now(UTC), "key": None, "per": "total"} | more
    return shop.as_(
        actor or shop.member("manager"),
        "select * from public.metrics(%s, %s::date, %s::date, %s, %s, %s)",
        shop.organization, given["since"], given["until"], by, given["key"], given["per"],
    )  # fmt: skip


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1, rows
    return rows[0]


def conversation(shop: Shop, *senders: str) -> UUID:
    ticket = shop.ticket()
    for sender in senders:
        shop.say(ticket, sender)
    return ticket


def solve(shop: Shop, ticket: UUID) -> None:
    shop.db.execute("update public.tickets set status = 'solved' where id = %s", [ticket])


def earlier(shop: Shop, ticket: UUID, by: timedelta) -> None:
    """What has happened to the ticket happened so much earlier."""
    shop.db.execute("update public.ticket_history set at = at - %s where ticket_id = %s", [by, ticket])
    shop.db.execute(
        "insert into private.unmeasured (organization_id, ticket_id) values (%s, %s)", [shop.organization, ticket]
    )


def rate(shop: Shop, ticket: UUID, score: int) -> None:
    row = shop.ticket_row(ticket)
    shop.db.execute(
        "with survey as (insert into public.csat_surveys (organization_id, ticket_id, contact_id, resolved_at)"
        " values (%(org)s, %(ticket)s, %(contact)s, now()) returning *)"
        " insert into public.csat_ratings (organization_id, survey_id, ticket_id, contact_id, score, via, at)"
        " select organization_id, id, ticket_id, contact_id, %(score)s, 'portal', clock_timestamp() from survey",
        {"org": shop.organization, "ticket": ticket, "contact": row["contact_id"], "score": score},
    )


def test_what_the_ai_resolved_is_told_apart_and_by_what_became_of_it(shop: Shop) -> None:
    by_ai = [conversation(shop, "contact", "ai") for _ in range(5)]
    by_both = conversation(shop, "contact", "ai", "contact", "member")
    by_nobody = conversation(shop, "contact")
    confirmed, disputed, reopened, assumed, _pending = by_ai
    for ticket in (*by_ai, by_both, by_nobody):
        solve(shop, ticket)
    rate(shop, confirmed, 5)
    rate(shop, disputed, 1)
    shop.say(reopened)
    earlier(shop, assumed, 8 * DAY)
    ring(shop)
    numbers = only([row for row in report(shop, by="handled_by") if row["key"] == "ai"])
    split = {name: numbers[name] for name in ("confirmed", "disputed", "reopened", "assumed", "pending")}
    assert split == dict.fromkeys(split, 1)
    total = only(report(shop))
    assert [total[f"resolved_by_{who}"] for who in ("ai", "member", "both", "nobody")] == [5, 0, 1, 1]
    assert (total["resolved"], total["csat_ratings"], total["csat_mean"], total["csat_percent"]) == (7, 2, 3.0, 50.0)


@pytest.mark.parametrize(("days", "column"), [(6.99, "reopened"), (7.01, "assumed")])
def test_opened_again_within_seven_days_is_reopened_and_after_them_it_had_held(
    shop: Shop, days: float, column: str
) -> None:
    ticket = conversation(shop, "contact", "member")
    solve(shop, ticket)
    earlier(shop, ticket, days * DAY)
    shop.say(ticket)
    earlier(shop, ticket, 2 * DAY)
    ring(shop)
    numbers = only(report(shop))
    assert (numbers["resolved"], numbers[column], numbers["full_resolutions"]) == (1, 1, 0)


def test_a_ticket_that_is_opened_again_is_one_resolution_more_and_one_resolution_time(shop: Shop) -> None:
    ticket = conversation(shop, "contact", "member")
    solve(shop, ticket)
    earlier(shop, ticket, 3 * DAY)
    shop.say(ticket)
    solve(shop, ticket)
    ring(shop)
    numbers = only(report(shop))
    assert (numbers["resolved"], numbers["reopened"], numbers["full_resolutions"]) == (2, 1, 1)
    assert numbers["full_resolution_mean"] == pytest.approx(3 * 86400, abs=60)


def test_work_counts_for_who_did_it_and_volume_for_who_has_it(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    ticket = conversation(shop, "contact")
    shop.as_(ann, "select public.send_reply(%s, 'Hello', 1)", ticket)
    shop.db.execute("update public.tickets set assignee_id = %s where id = %s", [ben.user_id, ticket])
    ring(shop)
    numbers = {row["key"]: (row["first_responses"], row["created"]) for row in report(shop, by="agent")}
    assert numbers == {str(ann.user_id): (1, 0), str(ben.user_id): (0, 1)}


def test_percentiles_are_within_a_tenth_of_the_true_ones(shop: Shop) -> None:
    waits = [2.5, 40, 61, 300, 999, 1800, 5000, 7201, 50_000, 90_000]
    for seconds in waits:
        ticket = conversation(shop, "contact")
        earlier(shop, ticket, timedelta(seconds=seconds))
        shop.say(ticket, "member")
    ring(shop)
    numbers = only(report(shop))
    for share, column in ((0.5, "first_response_p50"), (0.9, "first_response_p90")):
        assert numbers[column] == pytest.approx(nearest_rank(waits, share), rel=0.1)
    assert numbers["first_response_mean"] == pytest.approx(sum(waits) / len(waits), abs=3)


def test_the_backlog_tells_how_old_it_is(shop: Shop) -> None:
    for days in (0, 0, 2, 5, 20, 100):
        earlier(shop, conversation(shop, "contact"), days * DAY)
    earlier(shop, conversation(shop, "contact", "member"), 2 * DAY)
    solve(shop, conversation(shop, "contact", "member"))
    ring(shop)
    row = only(shop.as_(shop.member("viewer"), "select * from public.backlog(%s)", shop.organization))
    assert (row["unresolved"], row["open"], row["waiting"]) == (7, 6, 1)
    assert (row["age_days_p50"], row["age_days_p90"]) == (2, 100)
    assert (datetime.now(UTC).date() - row["oldest"]).days == 100
    assert [row[f"days_{n}"] for n in ("0", "1_to_3", "4_to_7", "8_to_30", "over_30")] == [2, 2, 1, 1, 1]


def test_a_series_has_a_row_for_each_day_that_has_numbers_and_adds_up(shop: Shop) -> None:
    for days in (1, 1, 9):
        earlier(shop, conversation(shop, "contact"), days * DAY)
    ring(shop)
    today = datetime.now(UTC).date()
    series = {row["period"]: row["created"] for row in report(shop, per="day")}
    assert series == {today - DAY: 2, today - 9 * DAY: 1}
    assert sum(row["created"] for row in report(shop, per="week")) == 3


def test_spam_counts_nowhere(shop: Shop) -> None:
    ticket = conversation(shop, "contact", "member")
    shop.db.execute("update public.tickets set is_spam = true where id = %s", [ticket])
    ring(shop)
    assert report(shop) == []


def test_agents_read_their_own_numbers_and_managers_everybodys(shop: Shop) -> None:
    ann, ben = shop.member(), shop.member()
    for agent in (ann, ben):
        shop.as_(agent, "select public.send_reply(%s, 'Hello', 1)", conversation(shop, "contact"))
    ring(shop)
    assert len(report(shop, by="agent")) == 2
    assert only(report(shop, ann, by="agent"))["key"] == str(ann.user_id)
    assert report(shop, shop.member("viewer"), by="agent") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only managers"):
        report(shop, ann, by="agent", key=str(ben.user_id))
    assert only(report(shop, shop.member("viewer")))["answers"] == 2


def test_nobody_else_reads_any(shop: Shop) -> None:
    ticket = conversation(shop, "contact")
    _, customer = shop.customer()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only members"):
        report(shop, customer)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only members"):
        shop.as_(customer, "select * from public.backlog(%s)", shop.organization)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        report(shop, ANON)
    with not_there():
        shop.as_(customer, "select * from public.ticket_metrics(%s)", ticket)


@pytest.mark.parametrize(
    "asked", [{"by": "mood"}, {"per": "hour"}, {"since": "2026-02-01", "until": "2026-01-01"}, {"since": "1990-01-01"}]
)
def test_a_question_without_sense_is_refused(shop: Shop, asked: dict[str, Any]) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        report(shop, **asked)


def test_what_a_ticket_counts_for_is_there_at_once(shop: Shop) -> None:
    ticket = conversation(shop, "contact", "ai")
    rows = shop.as_(shop.member("viewer"), "select * from public.ticket_metrics(%s)", ticket)
    assert {row["measure"] for row in rows} == {"created", "waiting", "question", "answer", "first_response"}


def test_however_much_happens_one_clock_is_asked_for(shop: Shop) -> None:
    for _ in range(3):
        conversation(shop, "contact", "ai", "contact")
    asked = 'select count(*) from private.jobs where organization_id = %s and payload = \'{"ring": "metrics"}\''
    assert shop.value(asked, shop.organization) == 1


def test_what_commits_while_the_clock_works_is_not_forgotten(shop: Shop) -> None:
    early, late = conversation(shop, "contact"), conversation(shop, "contact")
    ring(shop)
    with connect(shop.settings, "supabase_admin") as other:
        with other.transaction():
            other.execute("update public.tickets set tags = '{late}' where id = %s", [late])
            shop.db.execute("update public.tickets set tags = '{early}' where id = %s", [early])
            shop.as_(shop.functions, RING)
        assert [row["key"] for row in report(shop, by="tag")] == ["early"]
    assert waiting(shop) == 1
    ring(shop)
    assert [row["key"] for row in report(shop, by="tag")] == ["early", "late"]


def test_a_clock_that_was_lost_is_asked_for_by_the_maintenance(shop: Shop) -> None:
    conversation(shop, "contact")
    shop.db.execute("delete from private.jobs where organization_id = %s", [shop.organization])
    shop.db.execute("select private.request_all_metrics()")
    asked = 'select count(*) from private.jobs where organization_id = %s and payload = \'{"ring": "metrics"}\''
    assert shop.value(asked, shop.organization) == 1


def test_an_organization_goes_with_its_numbers(shop: Shop) -> None:
    conversation(shop, "contact", "member")
    ring(shop)
    shop.db.execute("delete from public.organizations where id = %s", [shop.organization])
    for table in ("unmeasured", "ticket_measures", "daily_metrics"):
        assert shop.value(f"select count(*) from private.{table} where organization_id = %s", shop.organization) == 0


def test_the_page_names_every_column_and_no_other(shop: Shop) -> None:
    columns = shop.db.execute(
        "select attname from pg_attribute"
        " where attrelid in ('public.metrics_row'::regclass, 'public.backlog_row'::regclass)"
    )
    assert {row["attname"] for row in columns} == named_on_page("What a report says")
