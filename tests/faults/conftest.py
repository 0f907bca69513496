"""One desk for a file of tests, with a provider and a queue that behave as badly as a test asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from pgdesk.environment import functions_environment
from tests.faults.history import Accepted, check
from tests.faults.hooks import Hooks
from tests.faults.mailbox import Mail
from tests.faults.mta import Mta
from tests.faults.points import Order
from tests.faults.provider import Provider
from tests.faults.provider import serving as serving_provider
from tests.faults.queue import Queue
from tests.faults.queue import serving as serving_queue
from tests.faults.replay import Replay
from tests.faults.rig import Rig, running
from tests.waiting import until

SEED = int(os.environ.get("FAULTS_SEED", "1"))
Promised = dict[tuple[str, str, str], Accepted]
NewReplay = Callable[..., Replay]


@pytest.fixture(scope="module")
def module_provider() -> Iterator[Provider]:
    with serving_provider(Provider(SEED)) as provider:
        yield provider


@pytest.fixture(scope="module")
def module_queue() -> Iterator[Queue]:
    with serving_queue(Queue(SEED)) as queue:
        yield queue


@pytest.fixture
def provider(module_provider: Provider) -> Iterator[Provider]:
    """It behaves, unless a test says how many of its answers are to go wrong."""
    yield module_provider
    module_provider.share = 0.0


@pytest.fixture
def queue(module_queue: Queue) -> Iterator[Queue]:
    """The same."""
    yield module_queue
    module_queue.share, module_queue.is_deaf = 0.0, False


@pytest.fixture(scope="module")
def rig(module_provider: Provider, module_queue: Queue) -> Iterator[Rig]:
    with running({"PGDESK_RESEND_URL": module_provider.url}, through=module_queue) as desk:
        until(lambda: desk.unfinished() == 0, 60, lambda: "the articles are not indexed")
        yield desk


@pytest.fixture(scope="module")
def promised() -> Promised:
    """What the desk of this file has promised to keep, in whichever test."""
    return {}


@pytest.fixture(scope="module")
def hooks(rig: Rig, module_provider: Provider) -> Hooks:
    """The provider tells the desk of all it took, in whichever test."""
    secret = functions_environment(rig.settings)["PGDESK_RESEND_EVENTS_SECRET"]
    return Hooks(module_provider, f"{rig.settings.api_url}/functions/v1/mail-events/resend", secret)


@pytest.fixture
def new_replay(rig: Rig, provider: Provider, promised: Promised, hooks: Hooks) -> NewReplay:
    def make(mails: Sequence[Mail], orders: Sequence[Order] = ()) -> Replay:
        return Replay(rig, provider, Mta(rig.settings, mails, promised), hooks, orders)

    return make


def judge(replay: Replay, what: str) -> None:
    """Tell what was done, and find nothing wrong in the whole history of the desk."""
    history = replay.history()
    violations = check(history)
    print(
        f"\n{what}: {len(replay.mta.mails)} mails in {replay.mta.attempts} requests;"
        f" so far {len(history.messages)} messages, {len(history.taken)} mails out,"
        f" {sum(replay.hooks.answered.values())} webhooks in, {len(history.events)} events,"
        f" {len(history.jobs)} jobs in {sum(job['attempt'] for job in history.jobs)} attempts;"
        f" ended: {replay.rig.kills}; the provider: {replay.provider.faults}; violations: {len(violations)}"
    )
    assert replay.missed == []
    assert replay.mta.broken + replay.hooks.refused == []
    assert violations == []
