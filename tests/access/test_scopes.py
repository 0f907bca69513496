"""What a program with a key may do: what its scopes and its role allow, in its own organization, and no more."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from tests.access.conftest import EVERYTHING, Organization, World
from tests.people import ROLE_OF_KEYS, Actor, act_as

READING = ("tickets:read", "contacts:read", "knowledge:read", "organization:read", "events:read", "webhooks:manage")
VERBS = {"r": "select", "a": "insert", "w": "update", "d": "delete"}


def write(world: World, headers: dict[str, str], path: str, **body: Any) -> httpx.Response:
    return world.http.post(path, json=body, headers=headers | {"prefer": "return=representation"})


def tenant_column(table: str) -> str:
    return "id" if table == "organizations" else "organization_id"


def tables(world: World) -> list[dict[str, Any]]:
    return world.db.execute("select * from private.key_scopes where resource not like 'rpc/%'").fetchall()


def note(organization: Organization, **more: Any) -> dict[str, Any]:
    """An internal note in the organization's ticket."""
    return {
        "organization_id": str(organization.id), "ticket_id": organization.ticket, "sender": "member",
        "is_internal": True, "body_text": "seen",
    } | more  # fmt: skip


def test_every_table_and_every_rpc_says_which_scope_a_key_needs(world: World) -> None:
    said = {row["resource"] for row in world.db.execute("select resource from private.key_scopes")}
    there = {
        row["name"]
        for row in world.db.execute(
            "select relname as name from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
            " union select 'rpc/' || proname from pg_proc where pronamespace = 'public'::regnamespace"
        )
    }
    assert said == there, "sql/98_key_scopes.sql has a row for each; null: keys may not"


def test_every_scope_is_one_that_keys_can_have(world: World) -> None:
    named = world.db.execute(
        "select reads as scope from private.key_scopes union select writes from private.key_scopes"
    ).fetchall()
    rule = world.value("select pg_get_constraintdef(oid) from pg_constraint where conname = 'api_keys_scopes_check'")
    assert {row["scope"] for row in named} - {None} <= {scope for scope in rule.split("'") if ":" in scope}


def test_what_clients_may_do_with_a_table_is_narrowed_for_keys(world: World) -> None:
    granted = {
        (row["name"], row["verb"])
        for row in world.db.execute(
            "select c.relname as name, verb from pg_class as c,"
            " unnest(array['select', 'insert', 'update', 'delete']) as verb"
            " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
            " and (has_table_privilege('authenticated', c.oid, verb)"
            " or (verb <> 'delete' and has_any_column_privilege('authenticated', c.oid, verb)))"
        )
    }
    narrowed = {
        (row["name"], VERBS[row["verb"]])
        for row in world.db.execute(
            "select p.polrelid::regclass::text as name, p.polcmd::text as verb from pg_policy as p"
            " where not p.polpermissive and p.polroles = array['pgdesk_api_key'::regrole::oid]"
        )
    }
    assert {(f"{name}", verb) for name, verb in granted} <= {
        (name.removeprefix("public."), verb) for name, verb in narrowed
    }


@pytest.mark.parametrize("scope", READING)
def test_a_scope_opens_its_own_area_for_reading_and_nothing_else(world: World, scope: str) -> None:
    program = world.program(world.acme, [scope], role="admin")
    for row in tables(world):
        asked = {"select": tenant_column(row["resource"])}
        answer = world.http.get(f"/{row['resource']}", params=asked, headers=program)
        assert answer.status_code == (200 if row["reads"] == scope else 403), row["resource"]


def test_with_scopes_for_reading_nothing_can_be_written(world: World) -> None:
    scopes = [scope for scope in READING if scope.endswith(":read")]
    program = world.program(world.acme, scopes, role="admin")
    for row in tables(world):
        path, ours = f"/{row['resource']}", {tenant_column(row["resource"]): f"eq.{world.acme.id}"}
        for method in ("POST", "PATCH", "DELETE"):
            refused = world.http.request(method, path, params=ours, json={}, headers=program)
            assert (refused.status_code, refused.json()["code"]) == (403, "PT403"), f"{method} {path}"


def test_what_is_missing_is_named(world: World) -> None:
    refused = world.http.get("/contacts", headers=world.program(world.acme, ["tickets:read"]))
    assert refused.status_code == 403
    assert refused.json() == {
        "code": "PT403", "message": "this API key lacks the scope contacts:read", "details": None,
        "hint": "Make a key that has it.",
    }  # fmt: skip
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="contacts:read"'


def test_a_scope_holds_for_what_is_embedded(world: World) -> None:
    asked = {"select": "subject,contacts(email)"}
    wide = world.program(world.acme, ["tickets:read", "contacts:read"])
    both = world.http.get("/tickets", params=asked, headers=wide)
    assert both.json() == [{"subject": "Where is it?", "contacts": {"email": "ada@acme.example"}}]
    one = world.http.get("/tickets", params=asked, headers=world.program(world.acme, ["tickets:read"]))
    assert one.json() == [{"subject": "Where is it?", "contacts": None}]


def test_to_write_in_an_area_is_to_read_in_it(world: World) -> None:
    program = world.program(world.acme, ["contacts:write"])
    made = write(
        world, program, "/contacts", organization_id=str(world.acme.id), email="new@people.example", name="New"
    )
    assert made.status_code == 201, made.text
    changed = world.http.patch(
        "/contacts", params={"id": f"eq.{made.json()[0]['id']}"}, json={"name": "Newer"},
        headers=program | {"prefer": "return=representation"},
    )  # fmt: skip
    assert [row["name"] for row in changed.json()] == ["Newer"]


def test_a_key_that_may_only_read_writes_nothing(world: World) -> None:
    program = world.program(world.acme, ["tickets:read", "contacts:read", "knowledge:read"])
    before = world.value("select count(*) from public.messages")
    for path, body in {
        "/messages": note(world.acme),
        "/rpc/send_reply": {"ticket_id": world.acme.ticket, "body": "x", "expected_seq": 100, "internal": True},
        "/rpc/open_ticket": {
            "organization_id": str(world.acme.id), "subject": "x", "body": "x", "contact_id": world.acme.contact,
        },
        "/rpc/create_article": {"organization_id": str(world.acme.id), "title": "x", "body": "x"},
    }.items():  # fmt: skip
        assert write(world, program, path, **body).status_code == 403, path
    patched = world.http.patch(
        "/tickets", params={"id": f"eq.{world.acme.ticket}"}, json={"priority": "urgent"}, headers=program
    )
    assert patched.status_code == 403
    assert world.value("select count(*) from public.messages") == before
    assert world.value("select priority from public.tickets where id = %s", [world.acme.ticket]) == "normal"


def test_a_key_writes_no_more_than_its_role(world: World) -> None:
    viewer = world.program(world.acme, EVERYTHING, role="viewer")
    assert write(world, viewer, "/messages", **note(world.acme)).status_code == 403
    agent = world.program(world.acme, EVERYTHING, role="agent")
    assert write(world, agent, "/messages", **note(world.acme)).status_code == 201
    shelf = {"organization_id": str(world.acme.id), "name": "Shelf"}
    assert write(world, agent, "/article_categories", **shelf).status_code == 403
    manager = world.program(world.acme, EVERYTHING, role="manager")
    assert write(world, manager, "/article_categories", **shelf).status_code == 201


def test_a_key_of_another_organization_sees_and_changes_nothing_of_ours(world: World) -> None:
    foreign = world.program(world.bolt, EVERYTHING, role="admin")
    for row in world.db.execute(
        "select resource from private.key_scopes where resource not like 'rpc/%' and reads is not null"
    ).fetchall():
        column = tenant_column(row["resource"])
        asked = {"select": column, column: f"eq.{world.acme.id}"}
        assert world.http.get(f"/{row['resource']}", params=asked, headers=foreign).json() == [], row["resource"]
    assert write(world, foreign, "/messages", **note(world.acme)).status_code in (403, 409)
    added = write(world, foreign, "/contacts", organization_id=str(world.acme.id), email="evil@people.example")
    assert added.status_code == 403
    changed = world.http.patch(
        "/tickets", params={"id": f"eq.{world.acme.ticket}"}, json={"subject": "x"},
        headers=foreign | {"prefer": "return=representation"},
    )  # fmt: skip
    assert changed.json() == []
    told = write(world, foreign, "/rpc/events_since", organization_id=str(world.acme.id), cursor="1:0:0")
    assert told.json()["events"] == []


def test_a_key_answers_contacts_only_with_the_scope_for_it(world: World) -> None:
    said = {"ticket_id": world.acme.ticket, "body": "On its way.", "expected_seq": 100}
    quiet = world.program(world.acme, ["tickets:write"])
    assert write(world, quiet, "/rpc/send_reply", **said).status_code == 403
    assert write(world, quiet, "/rpc/send_reply", **said, internal=True).status_code == 200
    loud = world.program(world.acme, ["tickets:write", "mail:send"])
    sent = write(world, loud, "/rpc/send_reply", **said)
    assert sent.status_code == 200, sent.text
    assert (sent.json()["sender"], sent.json()["member_id"]) == ("member", None)


def test_a_key_writes_in_nobodys_name(world: World) -> None:
    program = world.program(world.acme, EVERYTHING)
    forged = note(world.acme, member_id=str(world.acme.people["agent"].user_id))
    assert write(world, program, "/messages", **forged).status_code == 403


def test_events_and_audit_name_the_key(world: World) -> None:
    made = world.new_key(world.acme, ["tickets:write"])
    program = world.bearing(json.loads(world.token(made["secret"]).body)["access_token"])
    message = write(world, program, "/messages", **note(world.acme)).json()[0]
    actor = world.value("select actor_id from public.events where subject_id = %s", [message["id"]])
    assert str(actor) == made["id"]


def test_the_ai_does_not_undo_what_a_key_said(world: World) -> None:
    program = world.program(world.acme, ["tickets:write"])
    world.http.patch("/tickets", params={"id": f"eq.{world.acme.ticket}"}, json={"priority": "high"}, headers=program)
    kept = world.value("select set_by_member from public.tickets where id = %s", [world.acme.ticket])
    assert kept == ["priority"]


def test_a_key_opens_a_ticket_for_a_contact(world: World) -> None:
    program = world.program(world.acme, ["tickets:write"])
    opened = write(
        world, program, "/rpc/open_ticket", organization_id=str(world.acme.id), subject="From a form", body="Hello",
        channel="api", contact_id=world.acme.contact,
    )  # fmt: skip
    assert opened.status_code == 200, opened.text
    assert opened.json()["subject"] == "From a form"
    # Vouched for by a program, not by a sign-in.
    verified = "select is_verified from public.messages where ticket_id = %s"
    assert world.value(verified, [opened.json()["id"]]) is False


def as_key(world: World, organization: Organization, scopes: list[str]) -> Actor:
    made = world.new_key(organization, scopes, role="admin")
    return Actor(ROLE_OF_KEYS, key_id=made["id"])


def test_files_need_the_scope_of_tickets(world: World) -> None:
    path = f"{world.acme.id}/in/1-a.txt"
    world.db.execute(
        "insert into public.attachments"
        " (organization_id, ticket_id, message_id, file_name, content_type, bytes, storage_path, verdict)"
        " select organization_id, ticket_id, id, 'a.txt', 'text/plain', 1, %s, 'clean' from public.messages"
        " where organization_id = %s limit 1",
        [path, world.acme.id],
    )
    world.db.execute("insert into storage.objects (bucket_id, name) values ('attachments', %s)", [path])
    for organization, scopes, seen in (
        (world.acme, ["tickets:read"], 1),
        (world.acme, ["contacts:read"], 0),
        (world.bolt, EVERYTHING, 0),
    ):
        with world.db.transaction(force_rollback=True):
            actor = as_key(world, organization, scopes)
            act_as(world.db, actor)
            assert world.db.execute("select 1 from storage.objects where name = %s", [path]).rowcount == seen
            with pytest.raises(psycopg.errors.InsufficientPrivilege), world.db.transaction():
                world.db.execute("insert into storage.objects (bucket_id, name) values ('attachments', 'x/y')")


def test_keys_neither_hear_nor_speak_on_live_topics(world: World) -> None:
    topic = f"ticket:{world.acme.ticket}:agents"
    for actor, seen in ((as_key(world, world.acme, EVERYTHING), 0), (world.acme.people["agent"], 1)):
        with world.db.transaction(force_rollback=True):
            world.db.execute(
                "insert into realtime.messages (topic, extension, private) values (%s, 'broadcast', true)", [topic]
            )
            world.db.execute("select set_config('realtime.topic', %s, true)", [topic])
            act_as(world.db, actor)
            found = world.db.execute("select 1 from realtime.messages where topic = %s", [topic]).rowcount
            assert bool(found) is bool(seen)


def test_a_key_is_no_user(world: World) -> None:
    """What asks who is signed in finds nobody: no invitation, no organization, no membership comes of a key."""
    actor = as_key(world, world.acme, EVERYTHING)
    for statement in (
        "select public.create_organization('Mine', 'mine')",
        "select public.accept_invitation((select id from public.invitations limit 1))",
        "select public.create_api_key(%(org)s, 'x', array['tickets:read'])",
        "insert into public.invitations (organization_id, email, role) values (%(org)s, 'a@b.example', 'agent')",
    ):
        with world.db.transaction(force_rollback=True):
            act_as(world.db, actor)
            with pytest.raises(psycopg.Error) as caught:
                world.db.execute(statement.encode(), {"org": world.acme.id})
            assert caught.value.sqlstate in ("42501", "PT404"), statement
    for statement in (
        "update public.members set role = 'owner' where organization_id = %s",
        "delete from public.members where organization_id = %s",
        "update public.organizations set ai_mode = 'auto' where id = %s",
    ):
        with world.db.transaction(force_rollback=True):
            act_as(world.db, actor)
            assert world.db.execute(statement.encode(), [world.acme.id]).rowcount == 0


@pytest.mark.parametrize("key_id", ["", "x", "01a1fed9-0a92-7276-a0ec-24495c38fecf", None])
def test_a_token_of_an_unknown_key_opens_nothing(world: World, key_id: str | None) -> None:
    from infra.local import tokens

    claims = {"role": ROLE_OF_KEYS, "exp": 4102444800, "organization_id": str(world.acme.id)}
    token = tokens.sign(world.settings.keys, claims | ({} if key_id is None else {"key_id": key_id}))
    assert world.http.get("/tickets", headers=world.bearing(token)).status_code == 401


def test_a_user_who_claims_a_key_is_no_key(world: World) -> None:
    from infra.local import tokens

    made = world.new_key(world.acme, EVERYTHING, role="admin")
    outsider = world.bolt.people["agent"]
    claims = outsider.claims | {"exp": 4102444800, "key_id": made["id"], "organization_id": str(world.acme.id)}
    headers = world.bearing(tokens.sign(world.settings.keys, claims))
    found = world.http.get("/tickets", params={"organization_id": f"eq.{world.acme.id}"}, headers=headers)
    assert found.json() == []
