"""What became of every message of a mailbox: collected from the database, shown as a table or as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

import psycopg
from chalicelib.kit.database import queries
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

# Columns of a terminal that show everything.
WIDE = 150
COLUMNS = ("mail", "ticket", "category", "sure", "action", "ms")
DETAILS = ("priority", "mood", "team", "why / articles")

Connection = psycopg.Connection[dict[str, Any]]

SQL = queries(__file__)


@dataclass
class Record:
    """One input message and its fate."""

    file: str
    accepted_at: float = 0.0
    inbound_id: str | None = None
    duplicate: bool = False
    error: str | None = None
    row: dict[str, Any] = field(default_factory=dict)
    visible_ms: float | None = None

    @property
    def outcome(self) -> str:
        """new, threaded, duplicate, auto-reply, bounce, list, note, loop, quarantined or refused."""
        if self.error and not self.inbound_id:
            return "refused"
        if self.duplicate:
            return "duplicate"
        if self.row.get("state") == "quarantined":
            return "quarantined"
        if self.row.get("state") != "done":
            return "unfinished"
        verdict = self.row["verdict"]
        if verdict in ("auto_reply", "bounce", "list", "loop"):
            return str(verdict).replace("_", "-")
        return {"new_ticket": "new", "note": "note"}.get(self.row["outcome"], str(self.row["outcome"]))

    @property
    def action(self) -> str:
        """sent, drafted, escalated, or why nothing was written."""
        decision = self.row.get("decision")
        if self.duplicate or not decision:
            if self.outcome in ("new", "threaded"):
                if self.row.get("sender_status") == "pending":
                    return "pending"
                return "spam" if self.row.get("is_spam") else "none"
            return ""
        return {"send": "sent", "draft": "drafted", "escalate": "escalated"}[str(decision)]

    def as_json(self) -> dict[str, Any]:
        row = {} if self.duplicate else self.row
        return {
            "file": self.file,
            "outcome": self.outcome,
            "ticket": self.row.get("ticket"),
            "category": row.get("category"),
            "confidence": row.get("confidence"),
            "action": self.action,
            "error": self.error or self.row.get("reason"),
            "priority": row.get("priority"),
            "sentiment": row.get("sentiment"),
            "language": row.get("language"),
            "team": row.get("team"),
            "reasons": row.get("reasons"),
            "answer_confidence": row.get("answer_confidence"),
            "articles": row.get("articles"),
            "visible_ms": self.visible_ms,
        }


def collect(connection: Connection, records: Sequence[Record], heard: Mapping[str, float]) -> None:
    """Complete the records from the database and from what the subscriber heard."""
    ids = [record.inbound_id for record in records if record.inbound_id]
    rows = {str(row["id"]): row for row in connection.execute(SQL["outcomes"], {"ids": ids})}
    for record in records:
        record.row = rows.get(record.inbound_id or "", {})
        moment = heard.get(str(record.row.get("message_id")))
        if moment and not record.duplicate:
            record.visible_ms = round(max(moment - record.accepted_at, 0) * 1000, 1)


def show(connection: Connection, console: Console, records: Sequence[Record], stuck: bool) -> bool:
    """Print table and totals. Returns whether every message is accounted for, with nothing lost, doubled or stuck."""
    console.print(table(records, wide=console.width >= WIDE))
    totals = connection.execute(SQL["totals"]).fetchone()
    assert totals
    outcomes = Counter(record.outcome for record in records)
    actions = Counter(record.action for record in records if record.action)
    console.print(
        f"\n{len(records)} messages: " + ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    )
    console.print("replies: " + (", ".join(f"{count} {name}" for name, count in actions.most_common()) or "none"))
    console.print(f"mails out: {totals['mailed']} sent ({totals['delivered']} delivered), {totals['unsent']} not yet")
    times = sorted(record.visible_ms for record in records if record.visible_ms is not None)
    if len(times) > 1:
        late = quantiles(times, n=20)[-1]
        console.print(f"accepted to visible at the subscriber: median {median(times):.0f} ms, p95 {late:.0f} ms")
    problems = find_problems(records, totals, stuck)
    if problems:
        console.print("[red]not accounted for:[/] " + "; ".join(problems))
    else:
        console.print(
            f"[green]every message is accounted for:[/] {totals['received']} received = {totals['done']} done"
            f" + {totals['quarantined']} quarantined; no job waits, none is dead"
        )
    return not problems


def find_problems(records: Sequence[Record], totals: Mapping[str, Any], stuck: bool) -> list[str]:
    """What keeps the replay from being complete, in words."""
    refused = [record for record in records if record.outcome == "refused"]
    lost = [record for record in records if record.inbound_id and not record.row]
    checks = {
        f"{len(refused)} refused ({refused[0].error if refused else ''})": bool(refused),
        f"{len(lost)} lost": bool(lost),
        f"{totals['received'] - totals['done'] - totals['quarantined']} neither done nor quarantined": totals[
            "received"
        ]
        != totals["done"] + totals["quarantined"],
        f"{totals['received'] - totals['raw']} without their raw mail": totals["received"] != totals["raw"],
        f"{totals['doubled']} doubled": bool(totals["doubled"]),
        f"{totals['dead']} dead job(s): see `pgdesk jobs dead`": bool(totals["dead"]),
        f"{totals['waiting']} job(s) still wait": bool(totals["waiting"]) or stuck,
    }
    return [words for words, wrong in checks.items() if wrong]


def table(records: Sequence[Record], *, wide: bool) -> Table:
    """A row per message; on a narrow terminal without the columns that can be done without."""
    columns = (*COLUMNS, *DETAILS) if wide else COLUMNS
    shown = Table(header_style="bold", row_styles=["", "dim"], box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        shown.add_column(name, justify="right" if name in ("sure", "ms") else "left", no_wrap=name != "why / articles")
    for record in records:
        cells = _cells(record)
        shown.add_row(*(cells[name] for name in columns))
    return shown


def _cells(record: Record) -> dict[str, str]:
    row = {} if record.duplicate else record.row
    number = f"#{record.row['ticket']} " if record.row.get("ticket") else ""
    sure = row.get("confidence")
    why = ", ".join(row.get("reasons") or []) or ", ".join(row.get("articles") or []) or record.error
    return {
        "mail": record.file[:28],
        "ticket": f"{number}{record.outcome}",
        "category": row.get("category") or "",
        "sure": f"{sure:.2f}" if sure is not None else "",
        "action": record.action,
        "ms": f"{record.visible_ms:.0f}" if record.visible_ms is not None else "",
        "priority": row.get("priority") or "",
        "mood": row.get("sentiment") or "",
        "team": row.get("team") or "",
        "why / articles": why or row.get("reason") or "",
    }
