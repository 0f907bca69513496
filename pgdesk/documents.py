"""Documents that are made from what they describe: pages of docs/, JSON Schemas, OpenAPI."""

from __future__ import annotations

import json
from typing import Any

from pgdesk import client_types, event_types, openapi, permissions, rpcs, supabase_cli
from pgdesk.environment import ROOT
from pgdesk.scratch import declared, scratch_cluster

DOCS = ROOT / "docs"
MARK = "<!-- Below: made by `make docs`. -->"


def documents(url: str) -> dict[str, str]:
    """What each document should say, by its name in docs/. `url`: a database that has the schema as it is declared."""
    catalogue = event_types.read(url)
    return {
        "access.md": _below_mark("access.md", permissions.table(url)),
        "api.md": _below_mark("api.md", rpcs.table(url)),
        "events.md": _below_mark("events.md", event_types.sections(catalogue)),
        "events.schema.json": _json(event_types.json_schema(catalogue)),
        "webhooks.schema.json": _json(event_types.webhook_schema(catalogue)),
        "openapi.json": _json(openapi.document()),
    }


def stale(url: str) -> list[str]:
    """The documents that do not say what they should."""
    return [name for name, text in documents(url).items() if _committed(name) != text]


def bring_up_to_date() -> list[str]:
    """Write the documents anew, from a throwaway database. Returns the names of those that changed."""
    with scratch_cluster() as platform:
        url = declared(platform).database_url("postgres")
        changed = stale(url)
        wanted = documents(url)
        types = client_types.generated(url) if supabase_cli.available() else None
    if types is not None and types != client_types.FILE.read_text(encoding="utf-8"):
        client_types.FILE.write_text(types, encoding="utf-8")
        changed.append(client_types.FILE.name)
    for name in wanted.keys() & set(changed):
        (DOCS / name).write_text(wanted[name], encoding="utf-8")
    return changed


def _below_mark(name: str, made: str) -> str:
    """A page whose head is written by hand."""
    head, _, _ = _committed(name).partition(MARK)
    return f"{head}{MARK}\n\n{made.rstrip()}\n"


def _committed(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
