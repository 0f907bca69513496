"""The relay claims due jobs, sends their ids to SQS, and marks what SQS has accepted.

It may die between any two of these: a claim runs out after 30 seconds and the job is published again; a wake-up sent
twice finds the job begun and does nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from chalicelib.kit.database import queries, rows, transaction
from chalicelib.kit.logging import unit_of_work
from chalicelib.kit.settings import settings

SQL = queries(__file__)
BATCH = 10  # SendMessageBatch takes no more
CLAIM = 100


def relay() -> int:
    """Publish everything that is due and has room. Returns how many jobs SQS accepted."""
    total = 0
    with unit_of_work("relay") as said:
        while True:
            with transaction() as connection:
                claimed = rows(connection, SQL["claim_jobs"], {"max": CLAIM})
            if not claimed:
                break
            accepted, refused = _send(claimed)
            with transaction() as connection:
                connection.execute(SQL["mark_published"], {"ids": accepted})
                if refused:
                    connection.execute(SQL["release_jobs"], {"ids": refused})
            total += len(accepted)
            if refused or len(claimed) < CLAIM:
                break
        said["published"] = total
    return total


def _send(claimed: Sequence[dict[str, Any]]) -> tuple[list[UUID], list[UUID]]:
    """Send each job's id to its consumer's queue. Returns the ids that SQS accepted and those it did not."""
    by_consumer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in claimed:
        by_consumer[job["consumer"]].append(job)
    accepted: list[UUID] = []
    for consumer, jobs in by_consumer.items():
        for start in range(0, len(jobs), BATCH):
            batch = jobs[start : start + BATCH]
            entries = [
                {"Id": str(position), "MessageBody": str(job["id"]), "DelaySeconds": job["delay"]}
                for position, job in enumerate(batch)
            ]
            answer = _sqs().send_message_batch(QueueUrl=_queue_url(consumer), Entries=entries)
            accepted += [batch[int(entry["Id"])]["id"] for entry in answer.get("Successful", [])]
    taken = set(accepted)
    return accepted, [job["id"] for job in claimed if job["id"] not in taken]


@lru_cache(maxsize=1)
def _sqs() -> Any:
    import boto3

    return boto3.client("sqs")


@lru_cache(maxsize=64)
def _queue_url(consumer: str) -> str:
    return str(_sqs().get_queue_url(QueueName=f"{settings().queue_prefix}{consumer}")["QueueUrl"])
