"""Every table × verb × actor × foreign tenant, generated from the catalog, so that nothing new can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from infra.local.settings import Settings
from tests.databases import copy_of
from tests.isolation.expectations import (
    ACROSS_TENANTS,
    PRIVATE_FOR_CLIENTS,
    PRIVATE_FOR_FUNCTIONS,
    PUBLISHED,
    ROLES,
    RPCS,
    TABLES,
    VISITORS,
    Rule,
)
from tests.people import (
    ANON,
    ROLE_OF_KEYS,
    ROLE_OF_VISITORS,
    Actor,
    Connection,
    act_as,
    connect,
    new_member,
    new_organization,
    new_user,
)

WORLD = Path(__file__).with_name("world.sql").read_text()
# What belongs to a user belongs, here, to the organization that they are a member of.
WHOSE = """
  create schema checks;
  create function checks.organization_of(whom uuid) returns uuid
  language sql stable security definer set search_path = '' as
  'select organization_id from public.members where user_id = whom';
  grant usage on schema checks to public;
  grant execute on function checks.organization_of to public;
"""
REFUSED = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.CheckViolation,
    psycopg.errors.RaiseException,
    psycopg.errors.ObjectNotInPrerequisiteState,  # a view that cannot be written to
)


@dataclass
class World:
    """Two organizations with the same furniture; members of every role; contacts; strangers."""

    admin: Connection
    home: UUID
    away: UUID
    home_members: dict[str, Actor]
    away_members: dict[str, Actor]
    home_contact: Actor
    away_contact: Actor
    away_key: Actor
    home_visitor: Actor
    away_visitor: Actor
    stranger: Actor
    checks: int = 0
    tables: list[str] = field(default_factory=list)

    @property
    def outsiders(self) -> dict[str, Actor]:
        """Everyone who must see nothing of `home`."""
        return {
            "anon": ANON,
            "stranger": self.stranger,
            "contact of another organization": self.away_contact,
            "key of another organization": self.away_key,
            "visitor of another organization": self.away_visitor,
            "visitor who has said nothing": Actor(ROLE_OF_VISITORS, organization_id=self.home, visitor_id=uuid4()),
            "visitor with a token for another organization": Actor(
                ROLE_OF_VISITORS, organization_id=self.away, visitor_id=self.home_visitor.visitor_id
            ),
            "functions of another organization": Actor("pgdesk_functions", organization_id=self.away),
            "functions outside a job": Actor("pgdesk_functions"),
            **{f"{role} of another organization": actor for role, actor in self.away_members.items()},
        }


@pytest.fixture(scope="module")
def world(schema_template: Settings) -> Iterator[World]:
    with copy_of(schema_template) as settings, connect(settings, "supabase_admin") as admin:
        admin.execute(WHOSE)
        organizations, members, contacts = {}, {}, {}
        for slug in ("home", "away"):
            organization = organizations[slug] = new_organization(admin, slug)
            members[slug] = {role: new_member(admin, organization, role) for role in ROLES}
            address = f"ada@{slug}.example"
            contacts[slug] = Actor("authenticated", new_user(admin, address))
            owner = members[slug]["owner"].user_id
            values = {"org": str(organization), "slug": slug, "owner": owner, "contact_email": address}
            for statement in WORLD.split(";\n"):
                if statement.strip():
                    admin.execute(statement, values)
        key = admin.execute(
            "select id from public.api_keys where organization_id = %s", [organizations["away"]]
        ).fetchone()
        assert key
        visitors = {
            row["organization_id"]: Actor(
                ROLE_OF_VISITORS, organization_id=row["organization_id"], visitor_id=row["id"]
            )
            for row in admin.execute("select id, organization_id from public.visitors")
        }
        found = World(
            admin, organizations["home"], organizations["away"], members["home"], members["away"], contacts["home"],
            contacts["away"], Actor(ROLE_OF_KEYS, key_id=key["id"]), visitors[organizations["home"]],
            visitors[organizations["away"]], Actor("authenticated", new_user(admin)),
        )  # fmt: skip
        found.tables = [
            row["relname"]
            for row in admin.execute(
                "select relname from pg_class where relnamespace = 'public'::regnamespace"
                " and relkind in ('r', 'p', 'v', 'm') order by relname"
            )
        ]
        yield found
        print(f"\nisolation: {found.checks} checks")


def tenant_column(table: str) -> sql.Composable:
    if table == "profiles":
        return sql.SQL("checks.organization_of(user_id)")
    return sql.Identifier("id" if table == "organizations" else "organization_id")


def attempt(world: World, actor: Actor, statement: sql.SQL | sql.Composed, parameters: Any = None) -> int | None:
    """Rows touched by the statement as `actor`; None where it was refused. Nothing of it stays."""
    world.checks += 1
    with world.admin.transaction(force_rollback=True):
        act_as(world.admin, actor)
        try:
            with world.admin.transaction():
                return world.admin.execute(statement, parameters).rowcount
        except REFUSED:
            return None
        except psycopg.ProgrammingError as error:
            if error.sqlstate == "PT404":
                return None
            raise


def columns(world: World, table: str, actor: Actor, privilege: str) -> list[str]:
    return [
        row["attname"]
        for row in world.admin.execute(
            "select attname from pg_attribute where attrelid = format('public.%%I', %s::text)::regclass and attnum > 0"
            " and not attisdropped and attgenerated = '' and has_column_privilege(%s, attrelid, attnum, %s)",
            [table, actor.role, privilege],
        )
    ]


def select_of(table: str) -> sql.Composed:
    return sql.SQL("select 1 from public.{} where {} = %s").format(sql.Identifier(table), tenant_column(table))


def update_of(world: World, table: str, actor: Actor) -> sql.Composed | None:
    """An update that changes nothing, of the first column the actor may change."""
    names = columns(world, table, actor, "UPDATE")
    if not names:
        return None
    name = sql.Identifier(names[0])
    return sql.SQL("update public.{} set {} = {} where {} = %s").format(
        sql.Identifier(table), name, name, tenant_column(table)
    )


def delete_of(table: str) -> sql.Composed:
    return sql.SQL("delete from public.{} where {} = %s").format(sql.Identifier(table), tenant_column(table))


def insert_of(world: World, table: str, actor: Actor, organization: UUID) -> tuple[sql.Composed, list[Any]] | None:
    """A copy of one of the organization's rows, in the columns that the actor may give."""
    names = [name for name in columns(world, table, actor, "INSERT") if name != "id"]
    if not names:
        return None
    row = world.admin.execute(
        sql.SQL("select * from public.{} where {} = %s limit 1").format(sql.Identifier(table), tenant_column(table)),
        [organization],
    ).fetchone()
    assert row, f"tests/isolation/world.sql has no row for {table}"
    for name, fresh in FRESH.get(table, {}).items():
        if name in row:
            row[name] = fresh(world, actor)
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    values = sql.SQL(", ").join(sql.Placeholder() for _ in names)
    statement = sql.SQL("insert into public.{} ({}) values ({})").format(sql.Identifier(table), listed, values)
    return statement, [Jsonb(row[name]) if isinstance(row[name], dict) else row[name] for name in names]


def spare_skill(world: World) -> UUID:
    row = world.admin.execute(
        "select id from public.skills where organization_id = %s and name = 'spare'", [world.home]
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def own_or_a_members(world: World, actor: Actor) -> UUID | None:
    """Members make what is their own; outsiders try what is a member's."""
    return (actor if actor in world.home_members.values() else world.home_members["viewer"]).user_id


def spare_tag(world: World) -> UUID:
    row = world.admin.execute(
        "select id from public.tags where organization_id = %s and name = 'spare'", [world.home]
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def first_contact(world: World) -> UUID:
    """The oldest contact of home."""
    row = world.admin.execute(
        "select id from public.contacts where organization_id = %s order by id limit 1", [world.home]
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


# What must differ in a copy, or name the actor, for an allowed insert to pass.
FRESH: dict[str, dict[str, Any]] = {
    "invitations": {
        "email": lambda _world, _actor: "another@home.example",
        "invited_by": lambda _world, actor: actor.user_id,
    },
    "profiles": {"user_id": own_or_a_members},
    "teams": {"name": lambda _world, _actor: "Another"},
    "tags": {"name": lambda _world, _actor: "another"},
    "contact_tags": {"tag_id": lambda world, _actor: spare_tag(world)},
    "session_taggings": {"tag_id": lambda world, _actor: spare_tag(world)},
    "calendars": {"name": lambda _world, _actor: "Another"},
    "calendar_hours": {"opens": lambda _world, _actor: "10:00"},
    "calendar_holidays": {"day": lambda _world, _actor: "2026-12-26"},
    "canned_responses": {"shortcut": lambda _world, _actor: "another"},
    "compositions": {"user_id": lambda _world, actor: actor.user_id, "is_internal": lambda _world, _actor: True},
    "ticket_links": {"kind": lambda _world, _actor: "relates"},
    "action_templates": {
        "name": lambda _world, _actor: "Another",
        "fields": lambda _world, _actor: Jsonb([{"key": "order", "label": "Order", "type": "text"}]),
    },
    "notification_preferences": {
        "user_id": lambda _world, actor: actor.user_id,
        "kind": lambda _world, _actor: "noted",
    },
    "macros": {
        "name": lambda _world, _actor: "Another",
        "actions": lambda _world, _actor: Jsonb([{"do": "assign_me"}]),
    },
    "retention_rules": {"what": lambda _world, _actor: "sessions"},
    "routing_rules": {"name": lambda _world, _actor: "Another"},
    "member_availability": {"user_id": lambda world, _actor: world.home_members["viewer"].user_id},
    "sla_policies": {"name": lambda _world, _actor: "Another"},
    "sla_targets": {"priority": lambda _world, _actor: "urgent"},
    "skills": {"name": lambda _world, _actor: "another"},
    "team_members": {"user_id": lambda world, _actor: world.home_members["viewer"].user_id},
    "member_skills": {"user_id": lambda world, _actor: world.home_members["viewer"].user_id},
    "article_categories": {"name": lambda _world, _actor: "Another"},
    "articles": {"slug": lambda _world, _actor: "another"},
    "draft_feedback": {"member_id": lambda _world, actor: actor.user_id},
    "team_skills": {"skill_id": lambda world, _actor: spare_skill(world)},
    "chat_widgets": {"name": lambda _world, _actor: "Another"},
    "contacts": {"email": lambda _world, _actor: "another@people.example"},
    "company_domains": {"domain": lambda _world, _actor: "another.example"},
    "custom_fields": {"key": lambda _world, _actor: "another"},
    "contact_external_ids": {"external_id": lambda _world, _actor: "another"},
    "contact_notes": {"author_id": lambda _world, actor: actor.user_id},
    "dismissed_duplicates": {"contact_id": lambda world, _actor: first_contact(world)},
    "mail_addresses": {
        "address": lambda _world, _actor: "another@desk.example",
        "is_default": lambda _world, _actor: False,
    },
    "ticket_statuses": {"key": lambda _world, _actor: "another"},
    "ticket_categories": {"key": lambda _world, _actor: "another"},
    "messages": {
        "sender": lambda _world, _actor: "member",
        "member_id": lambda _world, actor: actor.user_id,
        "contact_id": lambda _world, _actor: None,
    },
}


def test_every_table_has_an_expectation_and_rows_to_try_it_on(world: World) -> None:
    assert sorted(TABLES) == world.tables
    for table in world.tables:
        for organization in (world.home, world.away):
            count = world.admin.execute(select_of(table), [organization]).rowcount
            assert count > 0, f"tests/isolation/world.sql has no row for {table}"


def test_every_table_has_row_level_security(world: World) -> None:
    bare = world.admin.execute(
        "select oid::regclass as name from pg_class where relkind in ('r', 'p') and not relrowsecurity"
        " and relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'partitions'::regnamespace)"
    ).fetchall()
    assert bare == []


@pytest.mark.parametrize("table", sorted(TABLES))
def test_an_outsider_reads_changes_and_removes_nothing(world: World, table: str) -> None:
    for name, actor in world.outsiders.items():
        read = select_of(table)
        if TABLES[table].anon:
            read = read + sql.SQL(" and not ({})").format(sql.SQL(PUBLISHED[table]))
        assert not attempt(world, actor, read, [world.home]), f"{name} reads {table}"
        statement = update_of(world, table, actor)
        if statement is not None:
            assert not attempt(world, actor, statement, [world.home]), f"{name} changes {table}"
        assert not attempt(world, actor, delete_of(table), [world.home]), f"{name} removes {table}"


@pytest.mark.parametrize("table", sorted(TABLES))
def test_an_outsider_adds_nothing(world: World, table: str) -> None:
    for name, actor in world.outsiders.items():
        wanted = insert_of(world, table, actor, world.home)
        if wanted is not None:
            assert attempt(world, actor, *wanted) is None, f"{name} adds to {table}"


@pytest.mark.parametrize("table", sorted(TABLES))
def test_nobody_moves_a_row_into_another_organization(world: World, table: str) -> None:
    owners = {"owner": world.away_members["owner"], "functions": Actor("pgdesk_functions", organization_id=world.away)}
    for name, actor in owners.items():
        if tenant_column(table) != sql.Identifier("organization_id"):
            continue
        moved = sql.SQL("update public.{} set organization_id = %s where organization_id = %s").format(
            sql.Identifier(table)
        )
        assert not attempt(world, actor, moved, [world.home, world.away]), f"{name} moves {table}"


@pytest.mark.parametrize("table", sorted(TABLES))
def test_members_do_what_their_role_allows_and_no_more(world: World, table: str) -> None:
    rule = TABLES[table]
    for role, actor in world.home_members.items():
        assert bool(attempt(world, actor, select_of(table), [world.home])) is may(rule.select, role), f"{role} reads"
        statement = update_of(world, table, actor)
        changed = statement is not None and bool(attempt(world, actor, updatable(statement, table), [world.home]))
        assert changed is may(rule.update, role), f"{role} changes {table}"
        wanted = insert_of(world, table, actor, world.home)
        added = wanted is not None and attempt(world, actor, *wanted) == 1
        assert added is may(rule.insert, role), f"{role} adds to {table}"
        removed = bool(attempt(world, actor, removable(table), [world.home]))
        assert removed is may(rule.delete, role), f"{role} removes from {table}"


def may(least: str | None, role: str) -> bool:
    return least is not None and ROLES.index(role) >= ROLES.index(least)


def updatable(statement: sql.Composed, table: str) -> sql.Composed:
    """Of the members, an admin may change those below: the owner's row stays out."""
    return statement + sql.SQL(" and role = 'viewer'") if table == "members" else statement


def removable(table: str) -> sql.Composed:
    only = {"members": " and role = 'viewer' and user_id <> auth.uid()", "ticket_statuses": " and key = 'on_hold'"}
    return delete_of(table) + sql.SQL(only.get(table, ""))


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_contact_reads_only_what_it_may(world: World, table: str) -> None:
    read = bool(attempt(world, world.home_contact, select_of(table), [world.home]))
    assert read is (TABLES[table].contact or TABLES[table].anon)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_visitor_reads_less_than_a_contact_and_writes_nothing(world: World, table: str) -> None:
    read = bool(attempt(world, world.home_visitor, select_of(table), [world.home]))
    assert read is (table in VISITORS)
    statement = update_of(world, table, world.home_visitor)
    assert statement is None or not attempt(world, world.home_visitor, statement, [world.home])
    wanted = insert_of(world, table, world.home_visitor, world.home)
    assert wanted is None or attempt(world, world.home_visitor, *wanted) is None
    assert not attempt(world, world.home_visitor, delete_of(table), [world.home])


def test_a_contact_never_sees_internal_notes(world: World) -> None:
    notes = sql.SQL("select 1 from public.messages where is_internal")
    events = sql.SQL("select 1 from public.events where type = 'note.created' or audience = 'agents'")
    for actor in (world.home_contact, world.home_visitor):
        assert attempt(world, actor, notes) == 0
        assert attempt(world, actor, events) == 0


def test_an_address_that_is_not_confirmed_binds_no_contact(world: World) -> None:
    claimant = Actor("authenticated", new_user(world.admin, "ADA@home.example", confirmed=False))
    assert attempt(world, claimant, sql.SQL("select 1 from public.tickets")) == 0


def test_functions_see_their_tenant_alone(world: World) -> None:
    functions = Actor("pgdesk_functions", organization_id=world.home)
    assert attempt(world, functions, select_of("tickets"), [world.home]) == 2
    assert attempt(world, functions, sql.SQL("select 1 from public.tickets")) == 2


def test_functions_reach_no_private_row_of_another_tenant(world: World) -> None:
    found = world.admin.execute(
        "select c.relname from pg_class as c"
        " join pg_attribute as a on a.attrelid = c.oid and a.attname = 'organization_id'"
        " where c.relnamespace = 'private'::regnamespace and c.relkind = 'r'"
        " and has_table_privilege('pgdesk_functions', c.oid, 'select')"
    ).fetchall()
    assert found
    for row in found:
        read = sql.SQL("select 1 from private.{} where organization_id = %s").format(sql.Identifier(row["relname"]))
        home = Actor("pgdesk_functions", organization_id=world.home)
        assert attempt(world, home, read, [world.home]), f"tests/isolation/world.sql has no row for {row['relname']}"
        for actor in (Actor("pgdesk_functions", organization_id=world.away), Actor("pgdesk_functions")):
            assert not attempt(world, actor, read, [world.home]), row["relname"]


def test_files_follow_their_attachment(world: World) -> None:
    files = sql.SQL("select 1 from storage.objects where bucket_id = 'attachments'")
    assert attempt(world, world.home_members["viewer"], files) == 1
    assert attempt(world, world.home_contact, files) == 1
    for name in ("stranger", "anon"):
        assert not attempt(world, world.outsiders[name], files)
    assert attempt(world, world.home_visitor, files) == 1
    mine = sql.SQL("select 1 from storage.objects where name like %s")
    for name, actor in world.outsiders.items():
        assert not attempt(world, actor, mine, [f"{world.home}/%"]), name
    keep = sql.SQL("insert into storage.objects (bucket_id, name) values ('attachments', %s)")
    folder = f"{world.home}/uploads/{world.home_visitor.visitor_id}/1/lamp.png"
    assert attempt(world, world.home_visitor, keep, [folder]) == 1
    for name, actor in {**world.outsiders, **world.home_members, "contact": world.home_contact}.items():
        assert not attempt(world, actor, keep, [folder]), name


def test_topics_are_heard_by_those_they_concern(world: World) -> None:
    row = world.admin.execute(
        "select id, team_id from public.tickets where organization_id = %s", [world.home]
    ).fetchone()
    assert row
    members = {f"org:{world.home}", f"team:{row['team_id']}", f"ticket:{row['id']}:agents"}
    contact = f"ticket:{row['id']}:contact"
    odd = {"", ":", "org:", "org:1", "ticket:x:contact", f"ticket:{row['id']}", f"org:{world.home}:agents", "room:1"}
    asked = sql.SQL("select 1 where private.may_join(%s)")
    for topic in members | {contact}:
        assert attempt(world, world.home_members["viewer"], asked, [topic]) == 1, topic
        for name, actor in world.outsiders.items():
            assert not attempt(world, actor, asked, [topic]), f"{name} hears {topic}"
    for actor in (world.home_contact, world.home_visitor):
        assert attempt(world, actor, asked, [contact]) == 1
        for topic in members | odd:
            assert attempt(world, actor, asked, [topic]) == 0, topic
    assert attempt(world, world.home_contact, asked, [contact]) == 1
    owner = world.home_members["owner"]
    for name, actor in {**world.outsiders, "admin": world.home_members["admin"], "owner": owner}.items():
        assert bool(attempt(world, actor, asked, [f"member:{owner.user_id}"])) == (actor is owner), name
    for topic in members | odd:
        assert attempt(world, world.home_contact, asked, [topic]) == 0, topic


def executable(world: World, schema: str, role: str) -> dict[str, bool]:
    """Functions of a schema that a role may execute, and whether they run as their definer."""
    found = world.admin.execute(
        "select proname, prosecdef from pg_proc where pronamespace = %s::regnamespace and"
        " has_function_privilege(%s, oid, 'execute')",
        [schema, role],
    )
    return {row["proname"]: row["prosecdef"] for row in found}


def test_every_rpc_is_expected_and_runs_as_its_caller(world: World) -> None:
    by_role = {role: executable(world, "public", role) for role in ("anon", "authenticated", "service_role")}
    granted: dict[str, set[str]] = {}
    for role, functions in by_role.items():
        for name, definer in functions.items():
            assert not definer, f"public.{name} runs as its definer"
            granted.setdefault(name, set()).add(role)
    world.checks += len(granted)
    assert granted == RPCS


def test_clients_reach_no_definer_function_but_the_listed(world: World) -> None:
    found = {
        name
        for role in ("anon", "authenticated")
        for name, definer in executable(world, "private", role).items()
        if definer
    }
    world.checks += len(found)
    assert found == PRIVATE_FOR_CLIENTS


def test_functions_cross_tenants_in_the_listed_places_only(world: World) -> None:
    found = {name for name, definer in executable(world, "private", "pgdesk_functions").items() if definer}
    world.checks += len(found)
    assert found == ACROSS_TENANTS | PRIVATE_FOR_FUNCTIONS


def test_rpcs_refuse_a_foreign_organization(world: World) -> None:
    ticket = world.admin.execute(
        "select id, organization_id from public.tickets where organization_id = %s", [world.home]
    ).fetchone()
    assert ticket
    widget = world.admin.execute(
        "select id::text from public.chat_widgets where organization_id = %s", [world.home]
    ).fetchone()
    assert widget
    given = {"ticket": ticket["id"], "org": world.home, "widget": widget["id"]}
    calls = {
        "select public.register_session(%(org)s)": None,
        "select public.bulk_tag(%(org)s, 'contacts', '{\"ids\": []}', '{x}')": None,
        "select public.move_tag((select id from public.tags where organization_id = %(org)s limit 1))": None,
        "select public.tickets_tagged((select tag_id from public.ticket_tags where ticket_id = %(ticket)s))": 0,
        "select public.journey((select contact_id from public.tickets where id = %(ticket)s))": None,
        "select * from public.split_mail((select id from public.messages where ticket_id = %(ticket)s limit 1))": None,
        "select * from public.merge_tickets(%(ticket)s, array[gen_random_uuid()], true)": None,
        "select * from public.split_ticket(%(ticket)s, array(select id from public.messages limit 1))": None,
        "select public.undo_move(id) from (select id from public.ticket_moves where from_ticket_id = %(ticket)s"
        " union all select gen_random_uuid()) as m": None,
        "select * from public.similar_tickets(%(ticket)s)": None,
        "select * from public.add_participant(%(ticket)s, email => 'x@y.example')": None,
        "select * from public.remove_participant(%(ticket)s, gen_random_uuid())": None,
        "select * from public.correct_triage(%(ticket)s, null)": None,
        "select * from public.create_article(%(org)s, 'x', 'x')": None,
        "select * from public.search_articles(%(org)s, 'draft')": 0,
        "select * from public.send_reply(%(ticket)s, 'x', 100)": None,
        "select public.capture_message(%(widget)s, 'x', 'y')": None,
        "select * from public.open_ticket(%(org)s, 'x', 'x')": None,
        "select * from public.dead_jobs(%(org)s)": 0,
        "select 1 where public.retry_dead_jobs(%(org)s) > 0": 0,
        "select 1 from jsonb_array_elements(public.events_since(%(org)s, '1:0:0') -> 'events')": 0,
    }
    for name, actor in world.outsiders.items():
        for call, seen in calls.items():
            got = attempt(world, actor, sql.SQL(call), given)
            assert got in (None, seen), f"{name}: {call}"


def test_rules_are_complete() -> None:
    for table, rule in TABLES.items():
        assert isinstance(rule, Rule), table
        assert {rule.select, rule.insert, rule.update, rule.delete} <= {None, *ROLES}, table
