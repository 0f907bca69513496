"""EventBridge's schedule expressions: `rate(5 minutes)` and six-field `cron(0 10 ? * MON-FRI *)`, in UTC.

The fields and wildcards are those of AWS' "Cron expressions reference".
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\((.+)\)")
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
LAST_YEAR = 2199


@dataclass(frozen=True)
class Rate:
    """Every `period`, counted from when the schedule was first seen."""

    period: timedelta

    def after(self, moment: datetime) -> datetime | None:
        return moment + self.period


@dataclass(frozen=True)
class Cron:
    """At each minute whose parts all match. `matches_day` decides on the day of month and of week together."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    matches_day: Callable[[date], bool]

    def after(self, moment: datetime) -> datetime | None:
        """The first matching minute after `moment`; None where there is none any more."""
        start = (moment + timedelta(minutes=1)).astimezone(UTC).replace(second=0, microsecond=0)
        day = start.date()
        while day.year <= max(self.years):
            if day.year not in self.years or day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if self.matches_day(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                        if found >= start:
                            return found
            day += timedelta(days=1)
        return None


def parse(expression: str) -> Rate | Cron:
    """Read an expression; ValueError says what is wrong with it."""
    if rate := RATE.fullmatch(expression.strip()):
        amount = int(rate[1])
        if amount < 1:
            raise ValueError(f"{expression}: the rate must be at least 1")
        return Rate(timedelta(**{rate[2] + "s": amount}))
    cron = CRON.fullmatch(expression.strip())
    fields = cron[1].split() if cron else []
    if len(fields) != 6:
        raise ValueError(f"{expression}: neither rate(value unit) nor cron with six fields")
    minute, hour, day_of_month, month, day_of_week, year = (part.upper() for part in fields)
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ValueError(f"{expression}: exactly one of day-of-month and day-of-week must be ?")
    try:
        day = _month_day(day_of_month) if day_of_week == "?" else _week_day(day_of_week)
        return Cron(
            _numbers(minute, 0, 59), _numbers(hour, 0, 23), _numbers(month, 1, 12, MONTHS),
            _numbers(year, 1970, LAST_YEAR), day,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"{expression}: {error}") from None


def _numbers(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    def number(word: str) -> int:
        value = (names or {}).get(word)
        value = int(word) if value is None else value
        if not low <= value <= high:
            raise ValueError(f"{word} is not within {low}-{high}")
        return value

    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (number(word) for word in span.split("-", 1))
        else:
            first = number(span)
            last = high if step else first
        wraps = range(first, high + 1, int(step or 1)), range(low, last + 1, int(step or 1))
        found.update(range(first, last + 1, int(step or 1)) if first <= last else {*wraps[0], *wraps[1]})
    return frozenset(found)


def _month_day(text: str) -> Callable[[date], bool]:
    if text == "L":
        return lambda day: day.day == _length(day)
    if text == "LW":
        return lambda day: day == _nearest_weekday(day.replace(day=_length(day)))
    if nearest := re.fullmatch(r"(\d+)W", text):
        wanted = int(nearest[1])
        return lambda day: wanted <= _length(day) and day == _nearest_weekday(day.replace(day=wanted))
    days = _numbers(text, 1, 31)
    return lambda day: day.day in days


def _week_day(text: str) -> Callable[[date], bool]:
    if last := re.fullmatch(r"(\w+)L", text):
        wanted = next(iter(_numbers(last[1], 1, 7, DAYS)))
        return lambda day: _weekday(day) == wanted and day.day > _length(day) - 7
    if text == "L":
        return lambda day: _weekday(day) == DAYS["SAT"]
    if nth := re.fullmatch(r"(\w+)#([1-5])", text):
        wanted, which = next(iter(_numbers(nth[1], 1, 7, DAYS))), int(nth[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == which
    days = _numbers(text, 1, 7, DAYS)
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1  # Sunday is 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date) -> date:
    """The working day nearest to `day` within its month."""
    shift = {6: -1 if day.day > 1 else 2, 7: 1 if day.day < _length(day) else -2}
    return day + timedelta(days=shift.get(day.isoweekday(), 0))
