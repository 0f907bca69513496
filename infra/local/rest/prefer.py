"""The Prefer header (RFC 7240) as PostgREST understands it, and Preference-Applied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

_NUMBER = re.compile(r"-?[0-9]{1,18}")

CHOICES: dict[str, tuple[str, ...]] = {
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "return": ("representation", "minimal", "headers-only"),
    "count": ("exact", "planned", "estimated"),
    "tx": ("commit", "rollback"),
    "missing": ("default", "null"),
    "handling": ("strict", "lenient"),
}


@dataclass(frozen=True)
class Preferences:
    """None where nothing valid was asked for. `invalid` are those that nobody knows, as they were written."""

    resolution: Literal["merge-duplicates", "ignore-duplicates"] | None = None
    representation: Literal["representation", "minimal", "headers-only"] | None = None
    count: Literal["exact", "planned", "estimated"] | None = None
    transaction: Literal["commit", "rollback"] | None = None
    missing: Literal["default", "null"] | None = None
    handling: Literal["strict", "lenient"] | None = None
    timezone: str | None = None
    max_affected: int | None = None
    invalid: tuple[str, ...] = ()

    @property
    def strict(self) -> bool:
        return self.handling == "strict"

    @property
    def counts(self) -> bool:
        """Whether rows are really counted."""
        return self.count in ("exact", "estimated")

    @property
    def full(self) -> bool:
        return self.representation == "representation"

    def applied(self, names: Iterable[str]) -> str | None:
        """The value of Preference-Applied, where only `names` had any effect; None where none had."""
        asked = {
            "resolution": self.resolution,
            "missing": self.missing,
            "return": self.representation,
            "count": self.count,
            "tx": self.transaction,
            "handling": self.handling,
            "timezone": self.timezone,
            "max-affected": self.max_affected if self.strict else None,
        }
        effective = set(names)
        told = [f"{name}={value}" for name, value in asked.items() if value is not None and name in effective]
        return ", ".join(told) or None


def parse(headers: Iterable[str], *, may_choose_transaction: bool) -> Preferences:
    """Read all Prefer headers of a request. The first of several values for one preference counts."""
    given = [part.strip() for header in headers for part in header.split(",")]
    chosen: dict[str, str] = {}
    invalid = []
    for preference in given:
        name, _, value = preference.partition("=")
        if value in CHOICES.get(name, ()) or name in ("timezone", "max-affected"):
            chosen.setdefault(name, value)
        else:
            invalid.append(preference)
    if not given:
        return Preferences()
    affected = chosen.get("max-affected", "")
    return replace(
        Preferences(),
        resolution=cast("Literal['merge-duplicates', 'ignore-duplicates'] | None", chosen.get("resolution")),
        representation=cast("Literal['representation', 'minimal', 'headers-only'] | None", chosen.get("return")),
        count=cast("Literal['exact', 'planned', 'estimated'] | None", chosen.get("count")),
        transaction=cast("Literal['commit', 'rollback'] | None", chosen.get("tx")) if may_choose_transaction else None,
        missing=cast("Literal['default', 'null'] | None", chosen.get("missing")),
        handling=cast("Literal['strict', 'lenient'] | None", chosen.get("handling")),
        timezone=chosen.get("timezone"),
        max_affected=int(affected) if _NUMBER.fullmatch(affected) else None,
        invalid=tuple(invalid),
    )
