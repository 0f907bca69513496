"""The table of permissions, tried row by row: the role below is refused, the role is not. And no right is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.data_model.shop import Shop
from tests.isolation import test_isolation as isolation
from tests.isolation.expectations import ROLES, TABLES
from tests.isolation.test_isolation import World
from tests.people import Actor, act_as

world = isolation.world
REFUSED = {"42501", "PT404"}
# Tables where what counts is whose row it is, besides the role; as where tests/isolation has but the owner read.
OWN_ROWS = {"profiles", "ticket_views", "article_feedback", "contact_notes", "rooms", "room_members", "room_messages"}
# RPCs that cannot be tried with what there is, and where they are.
ELSEWHERE = {
    "events_since": "a stranger gets no events: tests/data_model/test_events.py",
    "retry_inbound_mail": "asks for a quarantined mail: tests/intake/test_ledger.py",
    "retry_provider_mail": "asks for a mail that gave up: tests/intake/test_ledger.py",
    "split_mail": "asks for a mail that was threaded: tests/intake/test_ledger.py",
    **dict.fromkeys(
        ("join_room", "leave_room", "say_in_room", "edit_room_message", "read_room", "unread_rooms"),
        "asks for a room of one's own: tests/chat",
    ),
    **dict.fromkeys(("attach_files", "inspect_again"), "asks for a file: tests/files"),
    "merge_tickets": "asks for two tickets: tests/tickets",
    "merge_contacts": "asks for two contacts: tests/contacts",
    "dismiss_duplicate": "asks for two contacts: tests/contacts",
}
VERBS = {"read": "select", "add": "insert", "change": "update", "remove": "delete"}
# What an argument is where its name does not tell the table, by function or for all.
ARGUMENTS = {
    "resolve_outgoing_mail.id": "(select id from public.outgoing_mails where organization_id = {org} limit 1)",
    "resolve_outgoing_mail.decision": "'give_up'",
    "create_api_key.scopes": "array['tickets:read']",
    "create_api_key.role": "'viewer'",
    "set_availability.status": "'away'",
    "organization_id": "{org}",
    "space_id": "(select id from public.chat_widgets where organization_id = {org} limit 1)",
    "category_id": "(select id from public.ticket_categories where organization_id = {org} limit 1)",
    "winner_id": "(select id from public.contacts where organization_id = {org} limit 1)",
    "other_id": "(select id from public.contacts where organization_id = {org} limit 1)",
    "loser_ids": "array(select id from public.contacts where organization_id = {org})",
    "merge_id": "(select id from public.contact_merges where organization_id = {org} limit 1)",
    "form_id": "(select id from public.action_forms where organization_id = {org} limit 1)",
    "template_id": "(select id from public.action_templates where organization_id = {org} limit 1)",
    "set_fields.target": "'contact'",
    "set_fields.id": "(select id from public.contacts where organization_id = {org} limit 1)",
    "job_id": "(select id from public.tag_jobs where organization_id = {org} limit 1)",
    "into_tag_id": "(select id from public.tags where organization_id = {org} limit 1)",
    "replay_webhooks.since": "now() - interval '1 day'",
    "metrics.by": "'team'",
    "user_id": "(select user_id from public.members where organization_id = {org} and role = 'viewer' limit 1)",
    "into_ticket_id": "(select id from public.tickets where organization_id = {org} limit 1)",
    "endpoint_id": "(select id from public.webhook_endpoints where organization_id = {org} limit 1)",
    "delivery_id": "(select id from public.webhook_deliveries where organization_id = {org} limit 1)",
    "move_id": "(select id from public.ticket_moves where organization_id = {org} limit 1)",
    "view_id": "(select id from public.ticket_views where organization_id = {org} limit 1)",
    "ticket_ids": "array(select id from public.tickets where organization_id = {org})",
    "message_ids": "array[(select id from public.messages where organization_id = {org} and seq = 3 limit 1)::uuid]",
    "invitation": "(select i from public.invitations as i where organization_id = {org} limit 1)",
    "ticket": "(select t from public.tickets as t where organization_id = {org} limit 1)",
    "conditions": """'{{"all": []}}'""",
}
# What they need besides the arguments that they ask for.
BESIDES = {
    "open_ticket": ", contact_id => (select id from public.contacts where organization_id = {org} limit 1)",
    "upsert_contact": ", email => 'somebody@people.example'",
}
BY_TYPE = {
    "text": "'x'", "integer": "1", "bigint": "1", "boolean": "true", "jsonb": "'{{}}'", "date": "current_date",
    "timestamp with time zone": "now() + interval '1 day'", "text[]": "array['x']", "uuid[]": "array[]::uuid[]",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    name: str
    statement: str


def permissions(world: World) -> list[dict[str, Any]]:
    return world.admin.execute("select * from private.permissions order by permission").fetchall()


def below(world: World, least: str) -> Actor:
    """Who is just not enough: the next role down, and below the lowest a stranger."""
    return world.home_members[ROLES[ROLES.index(least) - 1]] if least != ROLES[0] else world.stranger


def call(world: World, rpc: str) -> Call:
    """The RPC with its required arguments, about the things of `home`."""
    arguments = world.admin.execute(
        "select a.name, format_type(a.type, null) as type,"
        " (select enumlabel from pg_enum where enumtypid = a.type order by enumsortorder limit 1) as label"
        " from pg_proc as p,"
        " unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) with ordinality as a (name, type, n)"
        " where p.pronamespace = 'public'::regnamespace and p.proname = %s and a.n <= p.pronargs - p.pronargdefaults",
        [rpc],
    ).fetchall()
    given = []
    for each in arguments:
        name = each["name"]
        value = ARGUMENTS.get(f"{rpc}.{name}") or ARGUMENTS.get(name) or BY_TYPE.get(each["type"])
        if name.endswith("_id") and name not in ARGUMENTS:
            value = f"(select id from public.{name.removesuffix('_id')}s where organization_id = {{org}} limit 1)"
        if value is None and each["label"]:
            value = f"'{each['label']}'"
        assert value, f"say in ARGUMENTS what {rpc}.{name} may be"
        given.append(f"{name} => {value}")
    said = (", ".join(given) + BESIDES.get(rpc, "")).format(org=f"'{world.home}'")
    return Call(rpc, f"select * from public.{rpc}({said})")


def outcome(world: World, actor: Actor, asked: Call) -> str:
    """ "refused", "nothing" (no row, or none of anything), or "done": also where it failed for another reason."""
    # What is named is looked up by one who may see it: the question is what the RPC says.
    statement = resolved(world, asked)
    with world.admin.transaction(force_rollback=True):
        act_as(world.admin, actor)
        try:
            with world.admin.transaction():
                rows = world.admin.execute(statement.encode()).fetchall()
        except psycopg.Error as error:
            return "refused" if error.sqlstate in REFUSED else "done"
    values = [value for row in rows for value in row.values()]
    return "done" if any(value not in (None, 0, False, []) for value in values) else "nothing"


def resolved(world: World, asked: Call) -> str:
    """The statement with its subqueries replaced by what they find."""
    statement = asked.statement
    while (start := statement.find("(select ")) >= 0:
        end = statement.index(")", start) + 1
        row = world.admin.execute(statement[start + 1 : end - 1].encode()).fetchone()
        assert row, f"tests/isolation/world.sql has no row for {statement[start:end]}"
        literal = sql.Literal(str(next(iter(row.values())))).as_string(world.admin)
        statement = statement[:start] + literal + statement[end:]
    return statement


def test_every_rpc_of_clients_is_in_the_table(world: World) -> None:
    granted = {
        row["proname"]
        for row in world.admin.execute(
            "select proname from pg_proc where pronamespace = 'public'::regnamespace"
            " and has_function_privilege('authenticated', oid, 'execute')"
        )
    }
    listed = {row["name"] for row in permissions(world) if row["kind"] == "rpc"}
    assert not granted - listed, f"add to sql/99_permissions.sql: {sorted(granted - listed)}"
    assert not listed - granted, f"no such RPC any more; take out of sql/99_permissions.sql: {sorted(listed - granted)}"


def test_what_the_policies_say_is_what_the_isolation_tests_try(world: World) -> None:
    """tests/isolation tries every table, verb and role by its own list: the table that clients read says the same."""
    # A view is read with the rights that its reader has on what it is made of.
    views = {row["relname"] for row in world.admin.execute("select relname from pg_class where relkind = 'v'")}
    said: dict[str, dict[str, str | None]] = {table: dict.fromkeys(VERBS) for table in TABLES}
    for row in permissions(world):
        if row["kind"] == "table":
            said[row["name"]][row["verb"]] = row["least_role"]
    for table, rule in TABLES.items():
        if table not in OWN_ROWS | views and rule.select != "owner":
            tried = {verb: getattr(rule, column) for verb, column in VERBS.items()}
            assert said[table] == tried, f"tests/isolation/expectations.py and the policies differ about {table}"


def test_the_role_below_is_refused_and_the_role_is_not(world: World) -> None:
    world.admin.execute("update public.drafts set status = 'open'")  # an answer has overtaken them
    wrong = []
    for row in permissions(world):
        if row["kind"] != "rpc" or row["least_role"] is None or row["name"] in ELSEWHERE:
            continue
        asked = call(world, row["name"])
        too_low = outcome(world, below(world, row["least_role"]), asked)
        enough = outcome(world, world.home_members[row["least_role"]], asked)
        if too_low == "done" or enough == "refused":
            wrong.append(f"{row['name']}: below {row['least_role']} {too_low}, at it {enough}")
    assert not wrong, "\n".join(wrong)


def test_members_read_the_table_with_what_they_may(shop: Shop) -> None:
    agent = shop.member()
    rows = {
        row["permission"]: row for row in shop.as_(agent, "select * from public.permissions(%s)", shop.organization)
    }
    assert (rows["tickets.reply"]["allowed"], rows["teams.add"]["allowed"]) == (True, False)
    assert (rows["teams.add"]["least_role"], rows["teams.add"]["sentence"]) == ("manager", "Managers add teams")
    stranger = shop.customer()[1]
    assert not any(
        row["allowed"]
        for row in shop.as_(stranger, "select * from public.permissions(%s)", shop.organization)
        if row["least_role"]
    )
