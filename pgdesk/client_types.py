"""The web's types of the schema: what the real Supabase CLI makes of the database as it is declared."""

from __future__ import annotations

from pgdesk import supabase_cli
from pgdesk.environment import ROOT

FILE = ROOT / "web" / "kit" / "api" / "database.ts"


def generated(url: str) -> str:
    """The types of the database at `url`. Raises supabase_cli.CliError."""
    return supabase_cli.run("gen", "types", "--lang", "typescript", "--schema", "public", "--db-url", url)
