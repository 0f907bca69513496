"""What became of the AI's answers, and what they cost."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.data_model.shop import Shop

JUDGED = [(0.95, "accepted"), (0.9, "accepted"), (0.8, "edited"), (0.75, "sent"), (0.6, "rejected"), (0.3, "open")]


def report(shop: Shop, role: str = "manager", since: str = "2026-01-01", until: str = "2026-01-31") -> dict[str, Any]:
    statement = "select public.ai_report(%s, %s, %s) as report"
    found: dict[str, Any] = shop.as_(shop.member(role), statement, shop.organization, since, until)[0]["report"]
    return found


def draft(shop: Shop, confidence: float, status: str, at: str = "2026-01-10T12:00:00Z") -> None:
    ticket = shop.ticket()
    message = shop.say(ticket)
    shop.db.execute(
        "insert into public.drafts (organization_id, ticket_id, message_id, seen_seq, status, decision, confidence,"
        " source, body_text, created_at) values (%s, %s, %s, 1, %s, 'draft', %s, 'extract', 'text', %s)",
        [shop.organization, ticket, message["id"], status, confidence, at],
    )


def test_risk_is_of_what_people_judged_and_coverage_of_all(shop: Shop) -> None:
    for confidence, status in JUDGED:
        draft(shop, confidence, status)
    draft(shop, 0.1, "rejected", at="2026-02-01T00:00:00Z")
    found = report(shop)
    assert found["drafts"] == {"sent": 1, "accepted": 2, "edited": 1, "rejected": 1, "waiting": 1, "escalated": 0}
    curve = {point["threshold"]: point for point in found["curve"]}
    for threshold in (0.0, 0.5, 0.7, 0.85, 1.0):
        above = [each for each in JUDGED if each[0] >= threshold]
        judged = [status for _, status in above if status in ("accepted", "edited", "rejected")]
        wrong = sum(status != "accepted" for status in judged)
        assert curve[threshold]["coverage"] == pytest.approx(100 * len(above) / len(JUDGED), abs=0.05)
        assert curve[threshold]["judged"] == len(judged)
        assert curve[threshold]["risk"] == (pytest.approx(100 * wrong / len(judged), abs=0.05) if judged else None)


def test_the_models_cost_is_told_to_managers_by_day(shop: Shop) -> None:
    for day, status, usd in (("2026-01-02", "ok", 0.5), ("2026-01-02", "timeout", 0), ("2026-01-05", "ok", 0.25)):
        shop.db.execute(
            "insert into public.ai_executions (organization_id, purpose, model, status, cost_usd, tokens_in,"
            " created_at) values (%s, 'reply', 'm', %s, %s, 10, %s)",
            [shop.organization, status, usd, f"{day}T23:59:00Z"],
        )
    assert [(each["day"], each["usd"], each["calls"], each["failures"]) for each in report(shop)["cost"]] == [
        ("2026-01-02", 0.5, 2, 1),
        ("2026-01-05", 0.25, 1, 0),
    ]
    assert report(shop, "agent")["cost"] == []


def test_who_is_no_member_sees_nothing_of_it(shop: Shop) -> None:
    draft(shop, 0.9, "accepted")
    _, customer = shop.customer()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(customer, "select public.ai_report(%s, '2026-01-01', '2026-01-31')", shop.organization)


def test_days_in_the_wrong_order_are_refused(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        report(shop, since="2026-02-01", until="2026-01-01")
