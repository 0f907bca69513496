"""A day at the desk on which every kind of event happens, each by what makes it happen in life."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from chalicelib.intake import consumer as intake
from chalicelib.intake import route as inbound
from chalicelib.kit.http import Request
from chalicelib.knowledge import consumer as knowledge

from tests.people import connect
from tests.replies.world import RETURNS, World

SECRET = "the receiver's secret"
MAIL = b"""From: Ben <ben@customer.example>\r
To: support@kestrel.example\r
Subject: Where is my parcel?\r
Message-ID: <%(id)s@customer.example>\r
In-Reply-To: <first@customer.example>\r
Date: Fri, 20 Nov 2026 10:00:00 +0000\r
\r
It should have been here on Monday. (%(id)s)\r
"""


def mail_in(world: World, name: str) -> UUID:
    """A mail arrives and is read. Returns its ledger entry."""
    mail_id = accepted(name)
    assert set(world.run_all(intake.handle, "intake")) == {"done"}
    return mail_id


def accepted(name: str) -> UUID:
    query, headers = {"rcpt": ["support@kestrel.example"]}, {"authorization": f"Bearer {SECRET}"}
    answer = inbound.receive(Request("POST", "/inbound/mime", query, headers, MAIL % {b"id": name.encode()}))
    assert answer.status == 202
    return UUID(json.loads(answer.body)["mails"][0]["id"])


def as_functions(world: World, statement: str, *parameters: Any) -> None:
    """What a consumer's transaction does."""
    with connect(world.settings, "pgdesk_functions") as session, session.transaction():
        session.execute("select set_config('app.organization_id', %s, true)", [str(world.organization)])
        session.execute(statement, parameters)


def a_mail_opens_a_ticket(world: World) -> None:
    mail_in(world, "first")


def a_mail_cannot_be_read(world: World) -> None:
    as_functions(world, "select private.quarantine_mail(%s, 'a stone tablet')", accepted("tablet"))


def a_mail_is_split_off(world: World) -> None:
    mail = world.one("select message_id from public.inbound_mails where id = %s", mail_in(world, "split"))
    world.as_agent("select id from public.split_mail(%s)", mail["message_id"])


def an_agent_works_on_a_ticket(world: World) -> None:
    ticket = world.ticket("Where is it?")
    team = world.one(
        "insert into public.teams (organization_id, name) values (%s, 'Parcels') returning id", world.organization
    )["id"]
    for change in ("team_id = %s", "assignee_id = %s", "priority = 'high', tags = '{vip}'", "subject = 'Parcel'"):
        given = {"team_id = %s": [team], "assignee_id = %s": [world.agent.user_id]}.get(change, [])
        world.as_agent(f"update public.tickets set {change} where id = %s returning id", *given, ticket)
    world.as_agent("select id from public.send_reply(%s, 'Look at the tracking first.', 100, true)", ticket)
    world.as_agent("select id from public.send_reply(%s, 'It is on its way.', 100)", ticket)
    world.writes(ticket, "Thank you")  # opens it again
    world.as_agent("update public.tickets set status = 'solved' where id = %s returning id", ticket)


def triage_sees_a_message(world: World) -> None:
    world.triaged(world.last_message(world.ticket("Help")))


def the_ai_decides(world: World) -> None:
    for decision in ("send", "draft", "escalate"):
        ticket = world.ticket("How long can I return it?")
        as_functions(
            world, "select * from private.record_draft(%s, %s, 1, 'In 30 days.', %s, %s, 0.9, 'extract', '[]')",
            ticket, world.last_message(ticket), decision, [] if decision == "send" else ["low_confidence"],
        )  # fmt: skip


def mail_out(world: World, ticket: UUID, status: str) -> UUID:
    """A rendered mail in a ticket."""
    values = {
        "organization_id": world.organization, "ticket_id": ticket, "message_id": world.writes(ticket, status),
        "kind": "reply", "is_automatic": False, "contact_id": world.contact, "to_address": "ann@customer.example",
        "from_address": "s@kestrel.example", "reply_to": "s@kestrel.example", "subject": "", "body_text": "",
        "body_html": "", "status": status,
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    row = world.db.execute(
        f"insert into public.outgoing_mails ({names}) values ({marks}) returning id", values
    ).fetchone()
    assert row
    return UUID(str(row["id"]))


def a_mail_does_not_go_out(world: World) -> None:
    ticket = world.ticket("Hello", channel="email")
    mail_out(world, ticket, "suppressed")
    for status in ("failed", "unknown"):
        mail = mail_out(world, ticket, "stored")
        as_functions(
            world, "update public.outgoing_mails set status = %s, reason = 'refused' where id = %s", status, mail
        )
        world.as_agent("select public.resolve_outgoing_mail(%s, 'was_sent')", mail)


def a_provider_tells_of_a_mail(world: World) -> None:
    ticket = world.ticket("Hello", channel="email")
    for kind, bounce in (
        ("bounced", "hard"),
        ("bounced", "soft"),
        ("complained", None),
        ("failed", None),
        ("suppressed", None),
    ):
        as_functions(
            world,
            "insert into public.mail_events"
            " (organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce, at)"
            " values (%s, %s, 'resend', %s, %s, %s, now())",
            world.organization, mail_out(world, ticket, "sent"), str(uuid4()), kind, bounce,
        )  # fmt: skip


def a_mail_cannot_be_fetched(world: World) -> None:
    as_functions(
        world,
        "insert into public.provider_mails (organization_id, provider, provider_id) values (%s, 'resend', 'gone')",
        world.organization,
    )
    as_functions(world, "update public.provider_mails set state = 'failed', reason = 'the provider no longer has it'")


def an_endpoint_is_gone(world: World) -> None:
    worker = uuid4()
    endpoint = world.one("select id from public.webhook_endpoints where description = 'gone'")["id"]
    as_functions(world, "select * from private.begin_webhooks(%s, %s)", endpoint, worker)
    attempt = {"id": world.one(
        "select id from public.webhook_deliveries where endpoint_id = %s limit 1", endpoint
    )["id"], "started_at": "2026-11-20T10:00:00Z", "ms": 3, "status": 410}  # fmt: skip
    as_functions(
        world, "select private.record_webhooks(%s, %s, %s::jsonb, true)", endpoint, worker,
        json.dumps([attempt], default=str),
    )  # fmt: skip


def somebody_listens(world: World) -> None:
    """The organization has two webhook endpoints; one wants an event's data too."""
    for description, has_data in (("gone", False), ("stays", True)):
        world.db.execute(
            "insert into public.webhook_endpoints (organization_id, url, description, has_data)"
            " values (%s, 'https://kestrel.example/hook', %s, %s)",
            [world.organization, description, has_data],
        )


def an_article_lives(world: World) -> None:
    article = world.as_agent(
        "select id from public.create_article(%s, 'Return an item', %s)", world.organization, RETURNS
    )["id"]
    statuses: list[Callable[[], Any]] = [
        lambda: world.as_agent("select id from public.publish_article(%s)", article),
        lambda: world.run_all(knowledge.handle, "index_article"),
        lambda: world.as_agent("select id from public.save_article(%s, 'Return an item', 'In 30 days.')", article),
        lambda: world.run_all(knowledge.handle, "index_article"),
        lambda: world.as_agent("select id from public.set_article_status(%s, 'draft')", article),
        lambda: world.as_agent("select id from public.publish_article(%s)", article),
        lambda: world.as_agent("select id from public.archive_article(%s)", article),
    ]
    for step in statuses:
        step()


def a_ticket_is_put_aside(world: World) -> None:
    ticket = world.one("select id from public.tickets where status_category = 'open' limit 1")["id"]
    world.as_agent("select id from public.snooze_ticket(%s, now() + interval '1 day')", ticket)
    world.db.execute("update public.tickets set snoozed_until = now() - interval '1 hour' where id = %s", [ticket])
    as_functions(world, "select private.ring(jsonb_build_object('ring', 'wake', 'ticket_id', %s))", ticket)


def tickets_are_merged_linked_and_shared(world: World) -> None:
    ticket, other = world.ticket("Where is it?"), world.ticket("Where is it??")
    world.as_agent(
        "insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)"
        " values (%s, %s, %s, 'duplicates') returning kind",
        world.organization, ticket, other,
    )  # fmt: skip
    world.as_agent("delete from public.ticket_links where ticket_id = %s returning kind", ticket)
    world.as_agent("select contact_id from public.add_participant(%s, email => 'bea@customer.example')", ticket)
    move = world.as_agent("select id from public.merge_tickets(%s, array[%s::uuid])", ticket, other)["id"]
    world.as_agent("select id from public.undo_move(%s)", move)


def two_contacts_are_one(world: World) -> None:
    kept, other = (
        world.as_agent("select id from public.upsert_contact(%s, %s, name => 'Cleo')", world.organization, address)[
            "id"
        ]
        for address in ("cleo@customer.example", "cleo+news@customer.example")
    )
    world.as_agent(
        "select id from public.upsert_contact(%s, 'cleo@customer.example', name => 'C.')", world.organization
    )
    merge = world.as_agent("select id from public.merge_contacts(%s, %s)", kept, [other])["id"]
    world.as_agent("select id from public.unmerge_contacts(%s)", merge)


def a_promise_is_broken(world: World) -> None:
    world.db.execute(
        "with policy as (insert into public.sla_policies (organization_id, name) values (%s, 'All')"
        " returning organization_id, id)"
        " insert into public.sla_targets (organization_id, policy_id, priority, resolution)"
        " select organization_id, id, 'normal', '10 hours' from policy",
        [world.organization],
    )
    ticket = world.one(
        "select t.id from public.open_ticket(%s, 'Parcel', 'Where is it?', contact_id => %s) as t",
        world.organization,
        world.one("select id from public.contacts limit 1")["id"],
    )["id"]
    for hours in (8, 3):
        world.db.execute(
            "update public.ticket_history set at = at - make_interval(hours => %s) where ticket_id = %s",
            [hours, ticket],
        )
        as_functions(world, "select private.ring(jsonb_build_object('ring', 'sla', 'ticket_id', %s))", ticket)


def a_contact_rates(world: World) -> None:
    world.db.execute("update public.organizations set ask_csat_after = '0' where id = %s", [world.organization])
    ticket = world.ticket("Where is it?")
    world.as_agent("select id from public.send_reply(%s, 'It is on its way.', 100)", ticket)
    world.as_agent("update public.tickets set status = 'solved' where id = %s returning id", ticket)
    asked = world.one("select payload::text from private.jobs where payload ->> 'ring' = 'csat'")["payload"]
    as_functions(world, "select private.ring(%s)", asked)
    survey = world.one("select id from public.csat_surveys where ticket_id = %s", ticket)["id"]
    as_functions(world, "select private.rate_by_link(%s, 5, 'Quick!')", survey)


def a_contact_is_tagged(world: World) -> None:
    for change in ("add_tags", "remove_tags"):
        world.as_agent(
            "select id from public.bulk_tag(%s, 'contacts', (select jsonb_build_object('ids', array[max(id::text)])"
            f" from public.contacts), {change} => '{{vip}}')",
            world.organization,
        )


def a_form_is_filled_in(world: World) -> None:
    fields = json.dumps([{"key": "order", "label": "Order number", "type": "text", "required": True}])
    template = world.one(
        "insert into public.action_templates (organization_id, name, body, fields) values (%s, 'Order', 'Which?', %s)"
        " returning id",
        world.organization, fields,
    )["id"]  # fmt: skip
    ticket = world.ticket("Where is it?")
    forms = [world.as_agent("select id from public.send_form(%s, %s, 9)", ticket, template)["id"] for _ in range(2)]
    as_functions(world, "select private.submit_form_by_link(%s, %s)", forms[0], '{"order": "A-1"}')
    world.as_agent("select id from public.cancel_form(%s)", forms[1])


def a_file_is_looked_at(world: World) -> None:
    file = world.one(
        "insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes,"
        " storage_path) select organization_id, ticket_id, id, 'a.png', 'image/png', 5, organization_id || '/a.png'"
        " from public.messages where ticket_id = %s returning id",
        world.ticket("See the picture"),
    )["id"]
    as_functions(world, "select private.file_inspected(%s, 'clean', null, 'image/png', 5, null, null)", file)


HAPPENINGS: tuple[Callable[[World], None], ...] = (
    somebody_listens,
    a_mail_opens_a_ticket,
    a_mail_cannot_be_read,
    a_mail_is_split_off,
    an_agent_works_on_a_ticket,
    two_contacts_are_one,
    a_promise_is_broken,
    a_ticket_is_put_aside,
    a_contact_is_tagged,
    a_contact_rates,
    a_form_is_filled_in,
    a_file_is_looked_at,
    tickets_are_merged_linked_and_shared,
    triage_sees_a_message,
    the_ai_decides,
    a_mail_does_not_go_out,
    a_provider_tells_of_a_mail,
    a_mail_cannot_be_fetched,
    an_endpoint_is_gone,
    an_article_lives,
)
