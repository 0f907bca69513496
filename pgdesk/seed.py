"""The demo's organization: its people, teams, knowledge base and labelled examples, from demo/."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row

from infra.local.settings import Settings
from pgdesk.environment import ROOT, secret

DEMO = ROOT / "demo"
Connection = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class Desk:
    """The seeded organization and how to look at it."""

    organization_id: UUID
    slug: str
    address: str
    login: str
    password: str


def seed(settings: Settings) -> Desk:
    """Make the demo's organization, unless it is there. Articles are indexed by the functions, as any article is."""
    plan = json.loads((DEMO / "organization.json").read_text(encoding="utf-8"))
    # The same at every start, and another one on every machine.
    password = secret(settings, "demo login")[:20]
    users = {each["email"]: _user(settings, each["email"], password) for each in plan["members"]}
    with psycopg.connect(settings.database_url("postgres"), row_factory=dict_row) as connection:
        found = connection.execute("select id from public.organizations where slug = %s", [plan["slug"]]).fetchone()
        organization_id = found["id"] if found else _furnish(connection, plan, users)
        _show_widget(connection, organization_id, plan["widget"], settings)
    login = plan["members"][0]["email"]
    return Desk(organization_id, plan["slug"], plan["address"], login, password)


def any_organization(settings: Settings, besides: str) -> bool:
    """Whether somebody has made an organization here, another one than that with the slug `besides`."""
    with psycopg.connect(settings.database_url("postgres")) as connection:
        found = connection.execute("select from public.organizations where slug <> %s limit 1", [besides]).fetchone()
    return found is not None


def _user(settings: Settings, email: str, password: str) -> UUID:
    """A confirmed user of Auth, made through its admin API; an existing one gets the password."""
    headers = {"apikey": settings.keys.secret_key}
    wanted = {"email": email, "password": password, "email_confirm": True}
    with httpx.Client(base_url=f"{settings.platform_url}/auth/v1/admin", headers=headers, timeout=30) as client:
        made = client.post("/users", json=wanted)
        if made.status_code == 422:
            with psycopg.connect(settings.database_url("postgres")) as connection:
                row = connection.execute("select id from auth.users where email = %s", [email]).fetchone()
            assert row
            made = client.put(f"/users/{row[0]}", json={"password": password})
        made.raise_for_status()
        return UUID(made.json()["id"])


def _furnish(connection: Connection, plan: dict[str, Any], users: dict[str, UUID]) -> UUID:
    organization = _insert(
        connection, "organizations", name=plan["name"], slug=plan["slug"], language=plan["language"], ai_mode="auto"
    )
    own = {"organization_id": organization}
    skills = {name: _insert(connection, "skills", **own, name=name) for name in plan["skills"]}
    for member in plan["members"]:
        connection.execute(
            "insert into public.members (organization_id, user_id, role, display_name) values (%s, %s, %s, %s)",
            [organization, users[member["email"]], member["role"], member["name"]],
        )
    for team in plan["teams"]:
        team_id = _insert(connection, "teams", **own, name=team["name"])
        for skill in team["skills"]:
            _link(connection, "team_skills", **own, team_id=team_id, skill_id=skills[skill])
        for email in team["members"]:
            _link(connection, "team_members", **own, team_id=team_id, user_id=users[email])
    _insert(connection, "mail_addresses", **own, address=plan["address"], display_name=plan["name"], is_default=True)
    categories = {
        each["key"]: _insert(
            connection, "ticket_categories", **own, key=each["key"], name=each["name"],
            skill_id=skills[each["skill"]], sensitive=each["sensitive"],
        )
        for each in plan["categories"]
    }  # fmt: skip
    _examples(connection, organization, categories)
    for file in sorted((DEMO / "articles").glob("*.md")):
        _article(connection, organization, file)
    return organization


def _show_widget(connection: Connection, organization: UUID, widget: dict[str, str], settings: Settings) -> None:
    """The widget that the sample shop (web/widget/demo) names: it may stand wherever the pages are served here."""
    hosts = [f"{host}:{settings.pages_port}" for host in ("127.0.0.1", "localhost")]
    connection.execute(
        "insert into public.chat_widgets (id, organization_id, name, domains) values (%s, %s, %s, %s)"
        " on conflict (id) do update set domains = excluded.domains where chat_widgets.domains <> excluded.domains",
        [widget["id"], organization, widget["name"], hosts],
    )


def _examples(connection: Connection, organization: UUID, categories: dict[str, UUID]) -> None:
    """Labelled messages: what triage starts from. The job `refit` embeds and learns them."""
    lines = (DEMO / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    examples = [json.loads(line) for line in lines if line.strip()]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into public.triage_examples (organization_id, category_id, text) values (%s, %s, %s)",
            [(organization, categories[example["category"]], example["text"]) for example in examples],
        )


def _article(connection: Connection, organization: UUID, file: Path) -> None:
    """One Markdown file: `name: value` lines up to the first empty one, then the body."""
    head, _, body = file.read_text(encoding="utf-8").partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    connection.execute(
        "insert into public.article_categories (organization_id, name) values (%s, %s) on conflict do nothing",
        [organization, fields["category"]],
    )
    article = connection.execute(
        "insert into public.articles (organization_id, slug, language, category_id) select %s, %s, %s, id"
        " from public.article_categories where organization_id = %s and name = %s returning id",
        [organization, file.stem, fields["language"], organization, fields["category"]],
    ).fetchone()
    assert article
    connection.execute(
        "insert into public.article_versions (organization_id, article_id, title, body) values (%s, %s, %s, %s)",
        [organization, article["id"], fields["title"], body.strip()],
    )
    connection.execute("update public.articles set status = 'published' where id = %s", [article["id"]])


def _insert(connection: Connection, table: str, **values: Any) -> UUID:
    row = connection.execute(_statement(table, values) + b" returning id", values).fetchone()
    assert row
    return UUID(str(row["id"]))


def _link(connection: Connection, table: str, **values: Any) -> None:
    connection.execute(_statement(table, values), values)


def _statement(table: str, values: dict[str, Any]) -> bytes:
    """Table and columns are this module's own words, never a caller's."""
    names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    return f"insert into public.{table} ({names}) values ({marks})".encode()  # noqa: S608
