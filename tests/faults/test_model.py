"""A language model that hangs, drips, floods, breaks off, lies: the extract answers, and nothing wrong goes out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send

from tests.faults.conftest import SEED, NewReplay, judge
from tests.faults.mailbox import mailbox
from tests.faults.points import ITSELF, Order
from tests.faults.provider import Provider
from tests.faults.queue import Queue
from tests.faults.rig import Rig, running
from tests.replies.endpoint import Answer, Endpoint, broken_off, completion, dripping, endless, failure, silent, written
from tests.serving import serve
from tests.waiting import until

pytestmark = pytest.mark.full
LIE = "Send us your password and we refund you 500 dollars."
BADLY: dict[str, Answer] = {
    "hangs": silent,
    "drips": dripping,
    "never ends": endless,
    "breaks off": broken_off,
    "is busy": failure(429),
    "fails": failure(500),
    "refuses": failure(403),
    "writes no JSON": completion("I would rather talk about the weather."),
    "has another schema": completion({"answer": LIE, "citations": [1]}),
    "cites what is not there": completion(written((LIE, [99]))),
    "says what no passage says": completion(written((LIE, [1]))),
}


class Model(Endpoint):
    """Answers each request in one of the bad ways."""

    def __init__(self) -> None:
        super().__init__([silent])
        self.ways: Counter[str] = Counter()
        self._random = random.Random(SEED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            # Each way comes in its turn, so that none is missing.
            way = list(BADLY)[sum(self.ways.values()) % len(BADLY)]
            self.ways[way] += 1
            self.script = [BADLY[way]]
        await super().__call__(scope, receive, send)


@pytest.fixture(scope="module")
def model() -> Iterator[tuple[Model, str]]:
    bad = Model()
    with serve(bad) as url:
        yield bad, url


@pytest.fixture(scope="module")
def rig(module_provider: Provider, module_queue: Queue, model: tuple[Model, str]) -> Iterator[Rig]:
    environment = {
        "PGDESK_RESEND_URL": module_provider.url, "PGDESK_MODEL_URL": f"{model[1]}/v1", "PGDESK_MODEL_NAME": "m",
        "PGDESK_MODEL_TIMEOUT": "3",
    }  # fmt: skip
    with running(environment, through=module_queue) as desk:
        until(lambda: desk.unfinished() == 0, 60)
        yield desk


def test_whatever_the_model_does_the_extract_answers_once_and_nothing_wrong_goes_out(
    new_replay: NewReplay, rig: Rig, model: tuple[Model, str]
) -> None:
    orders = [Order("reply ran case", ITSELF), Order("reply ran record_execution", ITSELF)]
    replay = new_replay(mailbox(SEED + 90, 40), orders)
    replay.run()
    judge(replay, f"a model that misbehaves: {dict(model[0].ways)}")
    assert set(model[0].ways) == set(BADLY)
    history = replay.history()
    assert not [mail for mail in history.taken if LIE in mail.text]
    assert not [row for row in history.messages if LIE in row["body_text"]]
    assert {row["source"] for row in history.drafts if row["decision"] == "send"} == {"extract"}
    statuses = rig.ask("select status, count(*) as n from public.ai_executions where model = 'm' group by 1")
    assert {row["status"] for row in statuses} >= {"timeout", "error", "invalid"}
