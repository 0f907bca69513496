"""Opening hours: what counts of a stretch of time, and when so much will have been counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.sla.promises import NINE_TO_FIVE, calendar

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe")
LIST = st.lists(st.tuples(st.integers(1, 7), st.integers(0, 47), st.integers(1, 48)), max_size=12)
MINUTE = st.integers(0, 60 * 24 * 730).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def value(shop: Shop, hours: list[tuple[int, time, time]], zone: str, holidays: tuple[date, ...] = ()) -> Jsonb:
    made = calendar(shop, hours, holidays, zone, default=False)
    return Jsonb(shop.value("select private.calendar_value(%s)", made))


def open_time(shop: Shop, hours: Jsonb, starts: datetime, ends: datetime) -> timedelta:
    counted: timedelta = shop.value("select private.open_time(%s, %s, %s)", hours, starts, ends)
    return counted


def test_a_weekend_and_a_holiday_do_not_count(shop: Shop) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    hours = value(shop, NINE_TO_FIVE, "Europe/Berlin", (date(2026, 12, 25),))
    thursday, monday = datetime(2026, 12, 24, 16, tzinfo=berlin), datetime(2026, 12, 28, 10, tzinfo=berlin)
    assert open_time(shop, hours, thursday, monday) == timedelta(hours=2)
    due = shop.value("select private.open_until(%s, %s, '90 minutes')", hours, thursday)
    assert due == datetime(2026, 12, 28, 9, 30, tzinfo=berlin)


def test_without_a_calendar_the_clock_goes_round(shop: Shop) -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert shop.value("select private.open_time(null, %s, %s)", start, start + timedelta(days=3)) == timedelta(hours=72)


def test_the_hour_that_clocks_skip_is_not_open_and_the_hour_they_repeat_is_twice(shop: Shop) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    nights = [(7, time(0), time(6))]
    hours = value(shop, nights, "Europe/Berlin")
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    for day, expected in ((spring, 5), (autumn, 7), (date(2026, 6, 7), 6)):
        start = datetime.combine(day, time(0), berlin)
        assert open_time(shop, hours, start, start + timedelta(days=1)) == timedelta(hours=expected), day


def test_a_calendar_that_never_opens_is_never_due(shop: Shop) -> None:
    hours = value(shop, [], "UTC")
    assert shop.value("select private.open_until(%s, now(), '1 hour')", hours) is None


def test_hours_that_overlap_count_once(shop: Shop) -> None:
    hours = value(shop, [(1, time(9), time(13)), (1, time(12), time(17)), (1, time(12, 30), time(14))], "UTC")
    monday = datetime(2026, 6, 1, tzinfo=UTC)
    assert open_time(shop, hours, monday, monday + timedelta(days=1)) == timedelta(hours=8)


def test_an_unknown_time_zone_is_refused_by_name(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match='there is no time zone "Europe/Atlantis"'):
        calendar(shop, zone="Europe/Atlantis")


@given(LIST, st.sampled_from(ZONES), MINUTE, st.integers(0, 60 * 24 * 21), st.sets(st.integers(0, 20), max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_counts_is_what_counting_minute_by_minute_gives(
    shop: Shop, halves: list[tuple[int, int, int]], zone: str, start: datetime, minutes: int, off: set[int]
) -> None:
    opening = {(day, _time(first), _time(last)) for day, first, last in halves if first < last}
    hours = list({(day, opens): (day, opens, closes) for day, opens, closes in opening}.values())
    holidays = tuple(start.date() + timedelta(days=each) for each in off)
    calendar_value = value(shop, hours, zone, holidays)
    there = ZoneInfo(zone)

    def is_open(minute: datetime) -> bool:
        local = minute.astimezone(there)
        return local.date() not in holidays and any(
            local.isoweekday() == day and opens <= local.time() and (closes == time.max or local.time() < closes)
            for day, opens, closes in hours
        )

    counted = [each for each in range(minutes) if is_open(start + timedelta(minutes=each))]
    ends = start + timedelta(minutes=minutes)
    assert abs(open_time(shop, calendar_value, start, ends) - timedelta(minutes=len(counted))) < timedelta(seconds=1)
    if counted:
        work = timedelta(minutes=len(counted) // 2 + 0.5)
        due = shop.value("select private.open_until(%s, %s, %s)", calendar_value, start, work)
        expected = start + timedelta(minutes=counted[len(counted) // 2], seconds=30)
        assert abs(due - expected) < timedelta(seconds=1)


def _time(half_hours: int) -> time:
    """So many half hours after midnight; the end of a day as the last instant of it, which Postgres rounds up."""
    return time.max if half_hours == 48 else time(half_hours // 2, 30 * (half_hours % 2))
