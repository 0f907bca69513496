"""What a provider says it received, compared with what is here; what is missing is brought, by the same consumer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.intake.keep import resolve
from chalicelib.kit.database import Connection, queries, rows, transaction

from . import mailgun, resend, ses
from .held import Held, enter

SQL = queries(__file__)
LISTS: Mapping[str, Callable[[datetime], Iterator[Held]]] = {
    resend.NAME: resend.listed,
    mailgun.NAME: mailgun.listed,
    ses.NAME: ses.listed,
}
SLICE = 100


@dataclass
class Comparison:
    """Counts of mails: on the provider's list, of those not here, of those now on their way, and nobody's."""

    provider: str
    found: int = 0
    missing: int = 0
    brought: int = 0
    unaddressed: int = 0

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def reconcile(provider: str, since: datetime) -> Comparison:
    """Compare and bring. Raises what the provider's list raises: jobs.Retry, Lost, ValueError for a missing setting.

    A mail that was nobody's is looked at again: its address may be somebody's by now.
    """
    result = Comparison(provider)
    listing = LISTS[provider](since)
    while part := list(islice(listing, SLICE)):
        result.found += len(part)
        with transaction() as connection:
            asked = {"provider": provider, "ids": [mail.id for mail in part]}
            known = {row["provider_id"]: row for row in rows(connection, SQL["known"], asked)}
            for mail in part:
                _bring(connection, mail, known.get(mail.id), result)
    return result


def _bring(connection: Connection, mail: Held, known: Mapping[str, Any] | None, result: Comparison) -> None:
    if known is not None and not known["is_unaddressed"]:
        return
    if known is not None:
        mail = replace(mail, recipients=list(dict.fromkeys([*mail.recipients, *known["recipients"]])))
        if not resolve(connection, mail.recipients)[0]:
            result.unaddressed += 1
            return
    if enter(connection, mail) or mail.tells_more:
        result.missing += 1
        result.brought += 1
    else:
        result.unaddressed += 1
