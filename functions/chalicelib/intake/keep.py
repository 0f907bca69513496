"""From raw bytes to a row of the ledger: whose mail it is, kept once per organization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from chalicelib.kit.database import Connection, one, queries, rows

from .headers import parse_addresses
from .identity import Identity

SQL = queries(__file__)
MAX_RECIPIENTS = 100
# Raw octets of one mail. Most mail servers take less.
MAX_MAIL = 40 * 1024 * 1024

# Recipients by organization, each with its mail address (None: it has been given up since).
Addressed = dict[UUID, list[tuple[str, UUID | None]]]


def addresses(values: Iterable[object]) -> list[str]:
    """The addresses in what a provider calls recipients, in lower case, each once: `a@b`, `Ann <a@b>` or a list."""
    texts = [value.encode("utf-8", "replace") for value in values if isinstance(value, str)]
    found = [address.email for text in texts for address in parse_addresses(text)]
    return list(dict.fromkeys(found))[:MAX_RECIPIENTS]


def resolve(connection: Connection, recipients: Sequence[str]) -> tuple[Addressed, list[str]]:
    """Recipients by organization, in the order of its id; and those that are nobody's."""
    addressed: Addressed = {}
    unknown = []
    for recipient in recipients:
        # Postgres text holds no NUL, and no address does either.
        row = None if "\0" in recipient else one(connection, SQL["resolve_address"], {"address": recipient})
        if row is None:
            unknown.append(recipient)
        else:
            addressed.setdefault(row["organization_id"], []).append((recipient, row["mail_address_id"]))
    return dict(sorted(addressed.items())), unknown


def act_for(connection: Connection, organization_id: UUID | None) -> None:
    """Bind the rest of the transaction to another tenant, or to none."""
    connection.execute(SQL["act_for"], {"organization_id": organization_id})


def keep(
    connection: Connection,
    organization_id: UUID,
    addressed: Sequence[tuple[str, UUID | None]],
    envelope_from: str | None,
    mail: Identity,
    raw: bytes,
) -> dict[str, Any]:
    """Keep a mail for the current tenant and queue its reading: one row, however many of its addresses it names.

    Returns the ledger's `id`, the `recipients`, and whether it was here before (`duplicate`).
    """
    kept: list[dict[str, Any]] = []
    for recipient, mail_address_id in addressed:
        values = {
            "organization_id": organization_id,
            "mail_address_id": mail_address_id,
            "recipient": recipient,
            "envelope_from": envelope_from,
            "message_id_header": mail.message_id,
            "content_sha256": mail.content,
            "raw": raw,
            "order_key": mail.sender or mail.content.hex(),
        }
        kept += rows(connection, SQL["accept"], values)
    recipients = [recipient for recipient, _ in addressed]
    return {"id": kept[0]["id"], "recipients": recipients, "duplicate": kept[0]["is_duplicate"]}
