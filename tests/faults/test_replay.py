"""A mailbox goes through the desk while every part of it dies: nothing is lost, doubled or stuck."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.runner.clock import scheduled_event
from tests.faults.conftest import SEED, NewReplay, judge
from tests.faults.disk import SEGMENT, full_disk
from tests.faults.mailbox import mailbox, with_file
from tests.faults.points import ANSWER, ITSELF, SESSION, Order
from tests.faults.provider import Provider
from tests.faults.queue import Queue
from tests.faults.rig import Rig
from tests.waiting import until

HOUR = 3600
# Each is what PostgreSQL says in one bad moment; none of them ends the session.
BAD_MOMENTS = (
    "40001",  # could not serialize access
    "40P01",  # deadlock
    "55P03",  # lock not available in time
    "57014",  # statement time-out
    "53100",  # disk full
    "53300",  # too many connections
)
# Every write of these has its bad moments: what a mail's way through the desk writes.
WRITTEN = (
    "public.inbound_mails", "private.inbound_raw", "public.contacts", "public.tickets", "public.messages",
    "public.attachments", "public.triage_results", "public.drafts", "public.ai_executions", "public.outgoing_mails",
    "public.events", "private.jobs",
)  # fmt: skip
FAILING = """
create schema faults;
create sequence faults.turn;
create function faults.fail() returns trigger language plpgsql security definer as $$
declare
  turn bigint := nextval('faults.turn'); -- kept, whatever is undone
  codes text[] := array['{}'];
begin
  if turn % 41 = 0 then
    perform nextval('faults.failed');
    raise exception 'a bad moment' using errcode = codes[1 + (turn / 41 % cardinality(codes))::integer];
  end if;
  return new;
end;
$$;
create sequence faults.failed;
""".format("','".join(BAD_MOMENTS))
# A ledger row of nobody's, as large as a segment of the log: from here on raw mail needs new room.
FILL = """
with organization as (
  insert into public.organizations (name, slug) values ('Filler', 'filler') returning id
), mail as (
  insert into public.inbound_mails (organization_id, recipients, bytes, content_sha256, state)
  select id, '{x@filler.example}', 0, sha256(''), 'done' from organization returning id, organization_id
)
insert into private.inbound_raw (inbound_mail_id, organization_id, raw)
select id, organization_id, convert_to(repeat('x', 17 * 1024 * 1024), 'utf8') from mail
"""
# Every part once, and an end of every kind: before and after the calls outside, before and after commits.
ONE_OF_EACH = [
    Order("door committed accept", ANSWER),
    Order("intake calls POST /storage", "gateway"),
    Order("relay called SendMessageBatch", ITSELF),
    Order("intake ran file", SESSION),
    Order("triage ran record_triage", "postgres"),
    Order("relay ran mark_published", "queue"),
    Order("send_mail called POST /emails", ITSELF),
    Order("reply ran record_draft", SESSION),
    Order("send_mail committed finish_job", ANSWER),
]


def test_a_replay_in_which_every_part_dies_once_loses_and_doubles_nothing(
    new_replay: NewReplay, provider: Provider, queue: Queue
) -> None:
    provider.share, queue.share = 0.25, 0.15
    replay = new_replay(mailbox(SEED, 20), ONE_OF_EACH)
    replay.run()
    judge(replay, f"seed {SEED}, every part once, queue: {queue.faults}")


def test_a_queue_that_loses_everything_costs_time_and_nothing_else(
    new_replay: NewReplay, rig: Rig, queue: Queue
) -> None:
    replay = new_replay(mailbox(SEED + 50, 6))

    def lose_everything() -> None:
        queue.is_deaf = True
        replay.mta.allow(6)
        until(lambda: replay.mta.finished, 30)
        until(lambda: rig.ask("select from private.jobs where state = 'published'"), 30)
        queue.is_deaf = False

    replay.run(lose_everything)
    judge(replay, "every wake-up is lost")


@pytest.mark.full
def test_without_any_wake_up_the_sweep_of_each_minute_brings_everything_home(new_replay: NewReplay, rig: Rig) -> None:
    replay = new_replay(mailbox(SEED + 52, 6))
    wake = rig.ask("select pg_get_functiondef('private.wake_relay'::regproc) as text")[0]["text"]

    def silence() -> None:
        rig.ask("create or replace function private.wake_relay() returns void language sql as 'select'")
        replay.mta.allow(6)
        until(lambda: replay.mta.finished, 30)
        assert rig.ask("select 1 from private.jobs where state = 'waiting'")
        assert not rig.ask("select 1 from private.jobs where state in ('published', 'running')")
        for _ in range(20):  # minutes
            rig.invoke("sweep", scheduled_event("sweep", datetime.now(UTC)))
            until(lambda: not rig.ask("select 1 from private.jobs where state in ('published', 'running')"), 30)
        assert not rig.ask("select 1 from private.jobs where state = 'waiting' and run_at <= now()")
        rig.ask(wake)

    replay.run(silence)
    judge(replay, "no wake-ups")


@pytest.mark.full
def test_while_functions_may_not_log_in_nothing_is_promised_and_nothing_lost(new_replay: NewReplay, rig: Rig) -> None:
    replay = new_replay(mailbox(SEED + 51, 6))

    def lock_out() -> None:
        rig.ask("alter role pgdesk_functions nologin")
        rig.ask("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'pgdesk_functions'")
        replay.mta.allow(6)
        until(lambda: replay.mta.attempts > 8, 30)
        assert replay.mta.sent == 0
        rig.ask("alter role pgdesk_functions login")

    replay.run(lock_out)
    judge(replay, "no database for a while")


def test_without_room_for_raw_mail_nothing_is_promised_and_nothing_half_is_kept(
    new_replay: NewReplay, rig: Rig
) -> None:
    replay = new_replay([with_file(SEED, 3_000_000)])
    rig.ask(FILL)
    kept = "select count(*) as mails, (select count(*) from private.inbound_raw) as raw from public.inbound_mails"
    before = rig.ask(kept)
    server = rig.pid("postgres")
    assert server

    def no_room() -> None:
        with full_disk(server, SEGMENT):
            replay.mta.allow(1)
            until(lambda: replay.mta.attempts > 3, 30)
            assert (replay.mta.sent, replay.mta.broken) == (0, [])
            assert rig.ask(kept) == before

    try:
        replay.run(no_room)
    finally:
        rig.ask("delete from public.organizations where slug = 'filler'")
    assert "File too large" in rig.cluster.log.read_text()
    judge(replay, "no room in the database")


@pytest.mark.full
def test_without_room_for_files_the_mail_waits_in_the_ledger(new_replay: NewReplay, rig: Rig) -> None:
    replay = new_replay([with_file(SEED + 1, 300_000)])
    gateway = rig.pid("gateway")
    assert gateway

    def no_room() -> None:
        with full_disk(gateway, 200_000):
            replay.mta.allow(1)
            until(lambda: rig.ask("select 1 from private.jobs where state = 'waiting' and error is not null"), 30)
            assert rig.ask("select state::text, ticket_id from public.inbound_mails where state <> 'done'") == [
                {"state": "parsed", "ticket_id": None}
            ]

    replay.run(no_room)
    judge(replay, "no room in Storage")


@pytest.mark.full
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_clocks_that_are_an_hour_off_delay_what_needs_a_token_and_nothing_else(
    new_replay: NewReplay, rig: Rig, ahead: int
) -> None:
    mails = mailbox(SEED + 70 + (ahead > 0), 5)
    replay = new_replay([with_file(SEED + 2 + (ahead > 0), 1000), *mails])

    def wrong() -> None:
        rig.orders.set_clock(ahead)
        replay.mta.allow(6)
        until(lambda: replay.mta.finished, 30)
        # The database's clock jumps too: back, so that everything in flight has an hour more than it should.
        rig.ask("update private.jobs set lease_until = lease_until + interval '1 hour' where lease_until is not null")
        rig.orders.set_clock(0)

    replay.run(wrong)
    judge(replay, f"clocks {ahead} s ahead")


@pytest.mark.full
def test_statements_that_fail_in_every_way_at_every_write_cost_time_and_nothing_else(
    new_replay: NewReplay, rig: Rig
) -> None:
    replay = new_replay(mailbox(SEED + 80, 12))
    rig.ask(FAILING)
    for table in WRITTEN:
        rig.ask(f"create trigger faults before insert or update on {table} for each row execute function faults.fail()")
    try:
        replay.run()
        failed = rig.ask("select last_value from faults.failed")[0]["last_value"]
    finally:
        rig.ask("drop schema faults cascade")
    assert failed >= len(BAD_MOMENTS)
    judge(replay, f"{failed} statements failed")
