"""EventBridge's expressions; expected moments are worked out by hand from a calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.runner.schedules import parse

START = datetime(2026, 11, 21, 12, 30, 30, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("rate(1 minute)", "2026-11-21 12:31:30"),
        ("rate(5 minutes)", "2026-11-21 12:35:30"),
        ("rate(2 days)", "2026-11-23 12:30:30"),
        ("cron(0/15 * * * ? *)", "2026-11-21 12:45:00"),
        ("cron(31 12 * * ? *)", "2026-11-21 12:31:00"),
        ("cron(30 12 * * ? *)", "2026-11-22 12:30:00"),
        ("cron(0 10 ? * MON-FRI *)", "2026-11-23 10:00:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01 08:00:00"),
        ("cron(0 8 L * ? *)", "2026-11-30 08:00:00"),
        ("cron(0 8 LW 1 ? *)", "2027-01-29 08:00:00"),
        ("cron(0 8 15W * ? *)", "2026-12-15 08:00:00"),
        ("cron(0 8 1W 5 ? *)", "2027-05-03 08:00:00"),  # 1 May 2027 is a Saturday
        ("cron(0 8 ? * 6L *)", "2026-11-27 08:00:00"),
        ("cron(0 8 ? * TUE#1 *)", "2026-12-01 08:00:00"),
        ("cron(0 22-2 ? * SAT *)", "2026-11-21 22:00:00"),
        ("cron(5,10 0 29 2 ? *)", "2028-02-29 00:05:00"),
        ("cron(0 0 1 JAN ? 2030)", "2030-01-01 00:00:00"),
    ],
)
def test_the_next_moment_is_the_one_of_the_calendar(expression: str, following: str) -> None:
    found = parse(expression).after(START)
    assert found is not None
    assert found.strftime("%Y-%m-%d %H:%M:%S") == following


def test_a_schedule_may_be_over() -> None:
    assert parse("cron(0 0 1 1 ? 2020)").after(START) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(0 minutes)", "rate(1 second)", "cron(* * * * *)", "cron(0 0 1 1 1 *)", "cron(0 0 ? * ? *)", "every day",
        "cron(60 0 1 1 ? *)", "cron(0 0 ? * FOO *)", "cron(0/0 0 1 1 ? *)",
    ],
)  # fmt: skip
def test_a_wrong_expression_is_named_in_the_error(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse(wrong)
    assert wrong in str(error.value)
