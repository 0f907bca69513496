"""Batches from a queue: what succeeded goes, what failed comes again, what keeps failing ends in the dead letters."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any
from uuid import uuid4

import pytest

from tests.waiting import until

Seen = Callable[..., list[dict[str, Any]]]


def send(sqs: Any, *wanted: str) -> list[dict[str, str]]:
    """Send one message for each word of what the handler shall do; returns the bodies."""
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    bodies = [{"do": word, "id": uuid4().hex} for word in wanted]
    entries = [{"Id": str(n), "MessageBody": json.dumps(body)} for n, body in enumerate(bodies)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return bodies


def dead_letters(sqs: Any) -> list[dict[str, str]]:
    url = sqs.get_queue_url(QueueName="work-dead")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in found]


def left(sqs: Any) -> int:
    """Messages in the queue, visible or not."""
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(
        int(value) for value in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
    )


def test_only_the_messages_reported_as_failed_come_again_and_end_as_dead_letters(sqs: Any, seen: Seen) -> None:
    good, bad, fine = send(sqs, "ok", "fail", "ok")
    dead: list[dict[str, str]] = until(lambda: dead_letters(sqs))
    assert dead == [bad]
    assert [note["attempt"] for note in seen("work", body=good)] == [1]
    assert [note["attempt"] for note in seen("work", body=fine)] == [1]
    assert [note["attempt"] for note in seen("work", body=bad)] == [1, 2]
    assert left(sqs) == 0


def test_an_exception_brings_the_whole_batch_back(sqs: Any, seen: Seen) -> None:
    companion, poison = send(sqs, "ok", "raise")
    until(lambda: len(seen("work", body=poison)) == 2)
    assert len(seen("work", body=companion)) == 2
    dead: list[dict[str, str]] = []
    while len(dead) < 2:
        dead += until(lambda: dead_letters(sqs))
    assert {body["id"] for body in dead} == {companion["id"], poison["id"]}


def test_a_handler_over_its_time_counts_as_failed(sqs: Any, seen: Seen) -> None:
    (slow,) = send(sqs, "hang")
    assert until(lambda: dead_letters(sqs)) == [slow]
    assert len(seen("work", body=slow)) == 2


def test_a_large_batch_is_gathered_from_several_calls(sqs: Any, seen: Seen) -> None:
    url = sqs.get_queue_url(QueueName="bulk")["QueueUrl"]
    for size in (10, 10, 5):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(size)])
    until(lambda: sum(note["size"] for note in seen("bulk")) == 25)
    assert max(note["size"] for note in seen("bulk")) > 10


def test_no_more_batches_run_at_once_than_the_event_source_allows(sqs: Any, seen: Seen) -> None:
    url = sqs.get_queue_url(QueueName="pair")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(6)])
    until(lambda: len(seen("pair")) == 12)
    running = list(accumulate(note["change"] for note in seen("pair")))
    assert max(running) == 2
    assert len({note["thread"] for note in seen("pair")}) == 2  # two containers, used again


def test_a_fifo_queue_holds_a_group_back_until_its_first_message_is_done(sqs: Any) -> None:
    url = sqs.get_queue_url(QueueName="order.fifo")["QueueUrl"]
    for body in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"][0]
    assert first["Body"] == "first"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "second"


def test_a_message_reaches_its_handler_at_once(sqs: Any, seen: Seen) -> None:
    taken = []
    for _ in range(10):
        sent = time.time()
        (body,) = send(sqs, "ok")
        taken.append(until(partial(seen, "work", body=body))[0]["at"] - sent)
    assert sorted(taken)[5] < 0.2  # a second and more where polling sleeps


def test_the_queue_is_the_same_whatever_region_a_client_names(sqs: Any) -> None:
    arn = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName="work")["QueueUrl"], AttributeNames=["QueueArn", "RedrivePolicy"]
    )["Attributes"]
    assert arn["QueueArn"] == "arn:aws:sqs:us-east-1:123456789012:work"
    assert json.loads(arn["RedrivePolicy"])["maxReceiveCount"] == 2


def test_an_unknown_queue_is_refused_in_sqs_words(sqs: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nowhere")


def test_a_long_poll_ends_when_its_time_is_over(sqs: Any) -> None:
    url = sqs.get_queue_url(QueueName="work-dead")["QueueUrl"]
    began = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert 0.9 < time.monotonic() - began < 2
