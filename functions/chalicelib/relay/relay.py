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
from chalicelib.kit.logging import kind_of, log, unit_of_work
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
            if len(accepted) < CLAIM:
                break
        said["published"] = total
    return total


def _send(claimed: Sequence[dict[str, Any]]) -> tuple[list[UUID], list[UUID]]:
    """Send each job's id to its consumer's queue. Returns the ids that SQS accepted and those it refused.

    Where SQS did not answer nobody knows: those are in neither list. Their claims run out, and they are sent again. A
    queue that is missing or broken holds up no other.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    by_consumer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in claimed:
        by_consumer[job["consumer"]].append(job)
    accepted: list[UUID] = []
    refused: list[UUID] = []
    for consumer, jobs in by_consumer.items():
        for start in range(0, len(jobs), BATCH):
            batch = jobs[start : start + BATCH]
            entries = [
                {"Id": str(position), "MessageBody": str(job["id"]), "DelaySeconds": job["delay"]}
                for position, job in enumerate(batch)
            ]
            try:
                answer = _sqs().send_message_batch(QueueUrl=_queue_url(consumer), Entries=entries)
            except (BotoCoreError, ClientError) as error:
                log("relay.unanswered", level="error", consumer=consumer, jobs=len(batch), error=kind_of(error))
                break
            accepted += [batch[int(entry["Id"])]["id"] for entry in answer.get("Successful", [])]
            refused += [batch[int(entry["Id"])]["id"] for entry in answer.get("Failed", [])]
    return accepted, refused


@lru_cache(maxsize=1)
def _sqs() -> Any:
    import boto3
    from botocore.config import Config

    # A claim lasts 30 seconds, and the function 60: whoever waits longer for SQS sends what others send by then.
    patience = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("sqs", config=patience)


@lru_cache(maxsize=64)
def _queue_url(consumer: str) -> str:
    return str(_sqs().get_queue_url(QueueName=f"{settings().queue_prefix}{consumer}")["QueueUrl"])
