"""The hot queries on a desk of 100,000 tickets: which index they take, how many rows they touch.

Bounds are on rows and calls, which do not depend on the machine; none is on time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from infra.local.settings import Settings
from tests.data_model.plans import Cost, cost
from tests.databases import copy_of
from tests.people import Actor, Connection, connect, new_member, new_user

SEED = Path(__file__).with_name("seed_large.sql").read_text()
ORGANIZATION = UUID("00000000-0000-7000-8000-000000000000")
ROWS = 100_000


@dataclass(frozen=True)
class Large:
    db: Connection
    agent: Actor
    contact: Actor
    contact_id: UUID
    ticket_id: UUID  # the contact's only one

    def agent_reads(self, statement: str, *parameters: object) -> Cost:
        return cost(self.db, self.agent, statement, parameters)

    def contact_reads(self, statement: str, *parameters: object) -> Cost:
        return cost(self.db, self.contact, statement, parameters)

    def functions_run(self, statement: str, *parameters: object) -> Cost:
        return cost(self.db, Actor("pgdesk_functions", organization_id=ORGANIZATION), statement, parameters)


@pytest.fixture(scope="module")
def large(schema_template: Settings) -> Iterator[Large]:
    with copy_of(schema_template) as settings, connect(settings, "supabase_admin") as db:
        for statement in SEED.split(";\n\n"):
            db.execute(statement.encode())
        db.execute("set track_functions = 'all'; set stats_fetch_consistency = 'none'")
        row = db.execute(
            "select c.id, c.email, t.id as ticket_id from public.contacts as c"
            " join public.tickets as t on t.contact_id = c.id where c.email = 'contact40000@people.example'"
        ).fetchone()
        assert row
        agent, contact = new_member(db, ORGANIZATION, "agent"), Actor("authenticated", new_user(db, row["email"]))
        # The queue is as long as the seed says, without what the audit of a new member brings.
        db.execute("delete from private.jobs where payload ->> 'ring' = 'seal_audit'")
        yield Large(
            db,
            agent,
            contact,
            row["id"],
            row["ticket_id"],
        )


def test_the_seed_is_as_large_as_it_says(large: Large) -> None:
    for table in ("public.contacts", "public.tickets", "public.messages", "public.events"):
        assert large.db.execute(f"select 1 from {table}").rowcount == ROWS
    states = large.db.execute("select state, count(*) as n from private.jobs group by state").fetchall()
    assert {row["state"]: row["n"] for row in states} == {"waiting": ROWS, "done": ROWS - 100, "dead": 100}


def test_the_inbox_reads_one_page_of_its_index(large: Large) -> None:
    page = large.agent_reads(
        "select id, number, subject from public.tickets where organization_id = %s and status_category = 'open'"
        " order by last_message_at desc, id desc limit 50",
        ORGANIZATION,
    )
    assert len(page.rows) == 50
    assert page.indexes == {"tickets_queue_idx"}
    assert not page.sorts
    assert page.scanned <= 60
    assert page.helper_calls == 1


def test_a_later_page_of_the_inbox_costs_what_the_first_does(large: Large) -> None:
    page = large.agent_reads(
        "select id from public.tickets where organization_id = %s and status_category = 'resolved'"
        " and last_message_at < now() - interval '15 days' order by last_message_at desc, id desc limit 50",
        ORGANIZATION,
    )
    assert len(page.rows) == 50
    assert page.indexes == {"tickets_queue_idx"}
    assert page.scanned <= 60


def test_an_agents_own_tickets_are_found_by_assignee(large: Large) -> None:
    page = large.agent_reads(
        "select id from public.tickets where organization_id = %s and status_category = 'open' and assignee_id = %s"
        " order by last_message_at desc limit 50",
        ORGANIZATION,
        large.agent.user_id,
    )
    assert page.scanned <= 60
    assert not page.sequential & {"tickets"}


def test_policy_helpers_run_once_per_statement(large: Large) -> None:
    """Every ticket of the organization is read, and the policy's functions run once, as InitPlans."""
    everything = large.agent_reads("select id, contact_id from public.tickets where organization_id = %s", ORGANIZATION)
    assert len(everything.rows) == ROWS * 9 // 10
    assert everything.helper_calls == 2  # my_organizations() and my_contacts()
    assert {node["Actual Loops"] for node in everything.init_plans} <= {0, 1}


def test_the_messages_of_a_ticket_come_from_the_ticket_index_of_each_leaf(large: Large) -> None:
    for read in (large.agent_reads, large.contact_reads):
        page = read(
            "select id, seq, body_text from public.messages where ticket_id = %s and seq > 0 order by seq limit 50",
            large.ticket_id,
        )
        assert len(page.rows) == 1
        assert all("ticket_id_seq" in name or name == "tickets_contact_idx" for name in page.indexes)
        assert page.scanned <= 20
        assert not page.sequential
        assert page.helper_calls <= 4


def test_one_message_is_looked_for_in_one_leaf(large: Large) -> None:
    row = large.db.execute("select id from public.messages where ticket_id = %s", [large.ticket_id]).fetchone()
    assert row
    found = large.agent_reads("select seq from public.messages where id = %s", row["id"])
    leaves = {node["Relation Name"] for node in found.nodes if node.get("Relation Name", "").startswith("messages_")}
    assert len(found.rows) == len(leaves) == 1


def test_a_contact_finds_its_own_tickets_by_index(large: Large) -> None:
    for statement in (
        "select id from public.tickets order by created_at desc limit 50",
        "select id from public.tickets where organization_id = %s order by last_message_at desc limit 50",
        "select id from public.tickets where contact_id = %s order by created_at desc limit 50",
    ):
        named = [ORGANIZATION if "organization_id" in statement else large.contact_id] * statement.count("%s")
        own = large.contact_reads(statement, *named)
        assert [row["id"] for row in own.rows] == [large.ticket_id], statement
        assert own.scanned <= 10, statement
        assert own.indexes & {"tickets_contact_idx", "tickets_organization_contact_idx"}, statement
        assert own.helper_calls == 2, statement


def test_my_contacts_is_two_index_look_ups(large: Large) -> None:
    found = large.contact_reads("select private.my_contacts() as id")
    assert [row["id"] for row in found.rows] == [large.contact_id]
    assert found.scanned <= 4
    assert not found.sequential & {"contacts"}


def test_events_after_a_cursor_cost_their_page(large: Large) -> None:
    for reading, most in ((large.agent_reads, 110), (large.contact_reads, 20)):
        page = reading("select public.events_since(%s, '1:250:0', 100) as answer", ORGANIZATION)
        assert page.scanned <= most
        assert not page.sequential & {"events", "tickets", "contacts"}
        assert page.helper_calls <= 8
    assert (
        len(
            large.agent_reads("select public.events_since(%s, '1:250:0', 100) as a", ORGANIZATION).rows[0]["a"][
                "events"
            ]
        )
        == 100
    )


def test_a_contact_reads_events_of_its_own_tickets_only(large: Large) -> None:
    """From the beginning: among 90,000 events of the organization one is the contact's."""
    page = large.contact_reads("select public.events_since(%s, '1:0:0', 100) as answer", ORGANIZATION)
    assert [event["ticket_id"] for event in page.rows[0]["answer"]["events"]] == [str(large.ticket_id)]
    assert page.scanned <= 20


def test_threads_are_found_by_message_id(large: Large) -> None:
    asked = [f"<{n}@people.example>" for n in range(501, 521)]
    found = large.functions_run("select * from private.tickets_by_message_id(%s, %s)", ORGANIZATION, asked)
    assert len(found.rows) == 18  # of twenty, two are another organization's
    assert found.scanned <= 40
    assert not found.sequential
    assert found.helper_calls == 1


def test_a_mail_finds_its_thread_among_all_that_was_sent(large: Large) -> None:
    with large.db.transaction(force_rollback=True):
        large.db.execute("set local session_replication_role = replica")
        large.db.execute(
            "insert into public.outgoing_mails (organization_id, ticket_id, kind, is_automatic, contact_id, to_address,"
            " from_address, reply_to, subject, body_text, body_html, message_id_header) select organization_id, id,"
            " 'reply', false, contact_id, 'a', 'b', 'c', 'd', 'e', 'f', '<sent' || number || '@desk.example>'"
            " from public.tickets where organization_id = %s limit 20000",
            [ORGANIZATION],
        )
        large.db.execute("analyze public.outgoing_mails")
        found = large.functions_run(
            "select * from private.find_thread(%s, null, false, %s, 'contact500@people.example')",
            ORGANIZATION,
            ["<sent501@desk.example>", "<500@people.example>", "<unknown@people.example>"],
        )
    assert [row["is_known"] for row in found.rows] == [True]
    assert found.scanned <= 30
    assert not found.sequential & {"outgoing_mails", "contacts", "tickets"}


def test_files_are_found_by_their_path(large: Large) -> None:
    with large.db.transaction(force_rollback=True):
        large.db.execute("set local session_replication_role = replica")
        large.db.execute(
            "insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes,"
            " storage_path, verdict) select organization_id, ticket_id, id, 'a', 'text/plain', 1,"
            " organization_id || '/' || id, 'clean' from public.messages where organization_id = %s limit 20000",
            [ORGANIZATION],
        )
        large.db.execute(
            "insert into storage.objects (bucket_id, name) select 'attachments', storage_path from public.attachments"
            " limit 3"
        )
        large.db.execute("analyze public.attachments")
        files = large.agent_reads("select name from storage.objects where bucket_id = 'attachments'")
    assert len(files.rows) == 3
    assert files.scanned <= 10


def test_claiming_from_a_long_queue_touches_what_it_claims(large: Large) -> None:
    claimed = cost(large.db, None, "select * from private.claim_jobs(100)")
    assert len(claimed.rows) == 96  # four consumers, 24 in flight each
    assert claimed.scanned <= 1000
    assert not claimed.sequential & {"jobs"}


def test_a_line_behind_one_order_key_costs_two_steps_each(large: Large) -> None:
    """A sender who floods: nothing of the line can be claimed, but all of it is looked at, once."""
    with large.db.transaction(force_rollback=True):
        large.db.execute(
            "update private.jobs set order_key = 'flood' where id in (select id from private.jobs where"
            " state = 'waiting' and consumer = 'intake' order by run_at limit 2000)"
        )
        large.db.execute("analyze private.jobs")
        claimed = cost(large.db, None, "select * from private.claim_jobs(100)")
    assert len(claimed.rows) == 96
    assert claimed.scanned <= 2000 * 2 + 1000
    assert not claimed.sequential & {"jobs"}


def test_a_job_is_begun_finished_failed_and_expired_by_index(large: Large) -> None:
    job = "(select id from private.jobs where state = 'waiting' and consumer = 'triage' order by run_at limit 1)"
    with large.db.transaction(force_rollback=True):
        row = large.db.execute(f"update private.jobs set state = 'published' where id = {job} returning id").fetchone()
        assert row
        begun = large.functions_run("select * from private.begin_job(%s)", row["id"])
        assert begun.scanned <= 10
        token = large.db.execute("select token from private.begin_job(%s)", [row["id"]]).fetchone()
        assert token
        for ending in ("select private.finish_job(%s, %s)", "select private.fail_job(%s, %s, 'no', '0 s')"):
            ended = large.functions_run(ending, row["id"], token["token"])
            assert ended.scanned <= 20, ending
            assert not ended.sequential & {"jobs"}, ending
        large.db.execute("update private.jobs set lease_until = now() - interval '1 s' where id = %s", [row["id"]])
        expired = cost(large.db, None, "select private.expire_leases() as n")
        assert expired.rows == [{"n": 1}]
        assert expired.scanned <= 20


def test_dead_jobs_are_found_among_the_done(large: Large) -> None:
    admin = new_member(large.db, ORGANIZATION, "admin")
    dead = cost(large.db, admin, "select * from public.dead_jobs(%s)", [ORGANIZATION])
    assert len(dead.rows) == 100
    assert dead.scanned <= 110
    retried = cost(large.db, admin, "select public.retry_dead_jobs(%s) as n", [ORGANIZATION])
    assert retried.rows == [{"n": 100}]
    assert not retried.sequential & {"jobs"}


def test_the_state_of_the_queue_leaves_done_jobs_alone(large: Large) -> None:
    status = cost(large.db, None, "select * from private.queue_status()")
    assert sum(row["waiting"] for row in status.rows) == ROWS
    assert status.scanned <= ROWS * 1.01


def test_joining_a_topic_is_a_few_look_ups(large: Large) -> None:
    for actor in (large.agent, large.contact):
        joined = cost(large.db, actor, "select private.may_join(%s) as may", [f"ticket:{large.ticket_id}:contact"])
        assert joined.rows == [{"may": True}]
        assert joined.scanned <= 8
