"""A mailbox goes through the desk while every part of it dies: nothing is lost, doubled or stuck."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.history import check
from tests.faults.mailbox import mailbox
from tests.faults.mta import Mta
from tests.faults.points import ANSWER, ITSELF, SESSION, Order
from tests.faults.provider import Provider, serving
from tests.faults.replay import Replay
from tests.faults.rig import Rig, running

SEED = int(os.environ.get("FAULTS_SEED", "1"))
# Every part once, and an end of every kind: before and after the calls outside, before and after commits.
ONE_OF_EACH = [
    Order("door committed accept", ANSWER),
    Order("intake calls POST /storage", "gateway"),
    Order("relay called SendMessageBatch", ITSELF),
    Order("intake ran file", SESSION),
    Order("triage ran record_triage", "postgres"),
    Order("relay ran mark_published", "queue"),
    Order("send_mail called POST /emails", ITSELF),
    Order("reply ran record_draft", ITSELF),
    Order("send_mail committed finish_job", ANSWER),
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider(seed=SEED, share=0.25)) as badly_behaved:
        yield badly_behaved


@pytest.fixture
def rig(provider: Provider) -> Iterator[Rig]:
    with running({"PGDESK_RESEND_URL": provider.url}) as desk:
        yield desk


def judge(replay: Replay) -> None:
    """Run it, tell what was done to it, and find nothing wrong."""
    history = replay.run()
    print(
        f"\nseed {SEED}: {len(replay.mta.mails)} mails in {replay.mta.attempts} requests, {len(history.messages)}"
        f" messages, {len(history.taken)} mails out, {len(history.events)} events, {len(history.jobs)} jobs in"
        f" {sum(job['attempt'] for job in history.jobs)} attempts; ended: {replay.rig.kills};"
        f" provider: {replay.provider.faults}"
    )
    assert replay.missed == []
    assert replay.mta.broken == []
    assert check(history) == []


def test_a_replay_in_which_every_part_dies_once_loses_and_doubles_nothing(rig: Rig, provider: Provider) -> None:
    judge(Replay(rig, provider, Mta(rig.settings, mailbox(SEED, 24)), ONE_OF_EACH))
