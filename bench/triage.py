"""Triage measured through the code in Postgres: `python -m bench.triage`; FULL=1 asks every held-out ticket.

Banking77: a fifth of its train split, the same share of every intent, is held out and never learned.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from chalicelib.kit import database
from chalicelib.kit.embeddings import MODEL, embed
from chalicelib.kit.jobs import Job
from chalicelib.triage import category, refit, signals
from chalicelib.triage.lexical import Sparse, lexical
from chalicelib.triage.vectors import literal
from numpy.typing import NDArray

from bench.knowledge_base import DATA, Connection, desk
from pgdesk import models

FULL = os.environ.get("FULL") == "1"
HELD_OUT = 0.2
SEED = 77
DRAWS = 5
STREAM = 3000
REFIT_EVERY = 250  # the job is due two minutes after the first correction: this many arrive in a busy two minutes

_missed: list[str] = []


@dataclass(frozen=True)
class Text:
    """A labelled text with its vectors, made once."""

    text: str
    label: str
    embedding: NDArray[np.float32]
    wording: Sparse


@dataclass(frozen=True)
class Guess:
    right: bool
    confidence: float
    abstained: bool


class Desk:
    """One organization whose categories are the labels."""

    def __init__(self, connection: Connection, name: str, labels: Sequence[str]) -> None:
        self.connection = connection
        self.id: UUID = self._value(
            "insert into public.organizations (name, slug) values (%s, %s) returning id", name, name
        )
        self.categories: dict[str, UUID] = {
            label: self._value(
                "insert into public.ticket_categories (organization_id, key, name) values (%s, %s, %s) returning id",
                self.id,
                f"c{at}",
                label,
            )
            for at, label in enumerate(labels)
        }

    def learn(self, texts: Sequence[Text], source: str) -> None:
        """Keep examples as corrections and confirmations are kept: with their vectors, at once."""
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "insert into public.triage_examples"
                " (organization_id, category_id, text, embedding, lexical, model, source)"
                " values (%s, %s, %s, %s::text::extensions.vector, %s::text::extensions.sparsevec, %s, %s)",
                [
                    (
                        self.id,
                        self.categories[one.label],
                        one.text,
                        literal(one.embedding),
                        one.wording.literal(),
                        MODEL,
                        source,
                    )
                    for one in texts
                ],
            )

    def refit(self) -> float:
        """Run the job as the functions do; seconds."""
        started = time.perf_counter()
        now = self._value("select now()")
        effects = refit.handle(Job(uuid4(), self.id, "refit", {}, 1, uuid4(), uuid4(), now))
        with database.transaction(self.id) as connection:
            if effects is not None:
                effects(connection)
        return time.perf_counter() - started

    def guess(self, one: Text) -> Guess:
        found = category.predict(self.id, one.embedding, one.wording)
        return Guess(found.id == self.categories[one.label], found.confidence, found.abstained)

    def is_unknown(self, text: str) -> bool:
        return category.predict(self.id, embed([text])[0], lexical(text)).abstained

    def _value(self, query: str, *parameters: object) -> Any:
        row = self.connection.execute(query, parameters).fetchone()
        assert row is not None
        return next(iter(row.values()))


def report(what: str, measured: float, bar: float | None = None, *, at_most: bool = False) -> None:
    """One line: what, measured, the bar and whether it is met."""
    verdict = ""
    if bar is not None:
        met = measured <= bar if at_most else measured >= bar
        verdict = f"bar {'<=' if at_most else '>='} {bar:g}  {'ok' if met else 'MISSED'}"
        if not met:
            _missed.append(what)
    print(f"{what:<74} {measured:>8.4f}  {verdict}", flush=True)


def calibration_error(guesses: Sequence[Guess], bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over bins of equal width."""
    error = 0.0
    for at in range(bins):
        inside = [one for one in guesses if min(int(one.confidence * bins), bins - 1) == at]
        if inside:
            error += abs(sum(one.right - one.confidence for one in inside))
    return error / len(guesses)


def accuracy(guesses: Sequence[Guess]) -> float:
    return sum(one.right for one in guesses) / len(guesses)


def banking77() -> tuple[list[Text], list[Text]]:
    """Learned and held-out part."""
    with (DATA / "banking77" / "train.csv").open(newline="") as file:
        rows = [(row["text"].strip(), row["category"]) for row in csv.DictReader(file)]
    vectors = embed([text for text, _ in rows])
    texts = [Text(text, label, vector, lexical(text)) for (text, label), vector in zip(rows, vectors, strict=True)]
    random = np.random.default_rng(SEED)
    held: set[int] = set()
    for label in sorted({one.label for one in texts}):
        members = [at for at, one in enumerate(texts) if one.label == label]
        held |= set(random.permutation(members)[: round(HELD_OUT * len(members))].tolist())
    order = random.permutation(len(texts)).tolist()
    return [texts[at] for at in order if at not in held], [texts[at] for at in order if at in held]


def few(texts: Sequence[Text], each: int, seed: int) -> tuple[list[Text], list[Text]]:
    """`each` texts of every label, and the rest, in an order that the seed decides."""
    taken: Counter[str] = Counter()
    chosen: list[Text] = []
    rest: list[Text] = []
    for at in np.random.default_rng(seed).permutation(len(texts)).tolist():
        one = texts[at]
        taken[one.label] += 1
        (chosen if taken[one.label] <= each else rest).append(one)
    return chosen, rest


def with_all(connection: Connection, learned: Sequence[Text], held: Sequence[Text]) -> None:
    labels = sorted({one.label for one in learned})
    bank = Desk(connection, "all", labels)
    bank.learn(learned, "seed")
    seconds = bank.refit()
    started = time.perf_counter()
    guesses = [bank.guess(one) for one in held]
    each = (time.perf_counter() - started) / len(held)
    report(f"Banking77, {len(learned)} examples: accuracy on {len(held)} held-out tickets", accuracy(guesses), 0.93)
    report("  expected calibration error (15 bins)", calibration_error(guesses), 0.03, at_most=True)
    sure = [one for one in guesses if one.confidence >= 0.7 and not one.abstained]
    report("  share of tickets at confidence >= 0.7", len(sure) / len(guesses))
    report("  accuracy of those", accuracy(sure))
    report("  known tickets taken for unknown", sum(one.abstained for one in guesses) / len(guesses))
    scope = json.loads((DATA / "clinc150" / "train_val.json").read_text())
    unknown = [text for part, rows in scope.items() if part.startswith("oos") for text, _ in rows]
    report(
        f"  CLINC out-of-scope ({len(unknown)}) that no label fits", sum(map(bank.is_unknown, unknown)) / len(unknown)
    )
    print(f"  fitted in {seconds:.1f} s; one prediction {each * 1000:.1f} ms", flush=True)


def with_ten(connection: Connection, learned: Sequence[Text], held: Sequence[Text]) -> None:
    labels = sorted({one.label for one in learned})
    accuracies, errors = [], []
    for seed in range(DRAWS):
        bank = Desk(connection, f"ten-{seed}", labels)
        bank.learn(few(learned, 10, seed)[0], "seed")
        bank.refit()
        guesses = [bank.guess(one) for one in held]
        accuracies.append(accuracy(guesses))
        errors.append(calibration_error(guesses))
    report(f"Banking77, 10 per class: accuracy, median of {DRAWS} draws", statistics.median(accuracies), 0.84)
    report("  expected calibration error, median", statistics.median(errors))


def stream(connection: Connection, learned: Sequence[Text], held: Sequence[Text]) -> None:
    """Tickets one by one: predicted, then corrected or confirmed. What was learned counts for the next."""
    bank = Desk(connection, "stream", sorted({one.label for one in learned}))
    begin, rest = few(learned, 3, 0)
    bank.learn(begin, "seed")
    bank.refit()
    report(
        "Banking77 stream, 3 per class: accuracy on held-out tickets at the start",
        accuracy([bank.guess(one) for one in held]),
    )
    on_the_way, repeated = [], []
    for count, one in enumerate(rest[:STREAM], start=1):
        guess = bank.guess(one)
        on_the_way.append(guess)
        bank.learn([one], "confirmation" if guess.right else "correction")
        if not guess.right and count % 10 == 0:
            repeated.append(bank.guess(one))
        if count % REFIT_EVERY == 0:
            bank.refit()
        if count % 1000 == 0:
            report(f"  accuracy over the last 500 before ticket {count}", accuracy(on_the_way[-500:]))
    report("  the same words right after their correction", accuracy(repeated), 1.0)
    report(f"  accuracy on held-out tickets after {STREAM}", accuracy([bank.guess(one) for one in held]), 0.90)


def false_alarms(held: Sequence[Text]) -> None:
    """How often a signal is raised on questions that give little cause."""
    scope = json.loads((DATA / "clinc150" / "train_val.json").read_text())
    sets = {"Banking77": [one.text for one in held], "CLINC": [text for text, _ in scope["val"]]}
    for name, texts in sets.items():
        chosen = [texts[at] for at in np.random.default_rng(SEED).permutation(len(texts))[: 2000 if FULL else 300]]
        started = time.perf_counter()
        found = [signals.read(text) for text in chosen]
        each = (time.perf_counter() - started) / len(chosen)
        for signal in ("spam", "wants_human", "injection"):
            report(f"{name}: {signal} raised", sum(one[signal].value for one in found) / len(found))
        report(f"{name}: taken for urgent", sum(one["priority"].value == "urgent" for one in found) / len(found))
        print(f"  all signals of one text {each * 1000:.1f} ms", flush=True)


def main() -> int:
    if not (DATA / "banking77" / "train.csv").exists():
        print(f"skipped: data not present ({DATA})")
        return 0
    models.build()
    learned, held = banking77()
    some = held if FULL else held[:600]
    with desk() as connection:
        with_all(connection, learned, held if FULL else held[:1200])
        with_ten(connection, learned, some)
        stream(connection, learned, some)
    false_alarms(held)
    if _missed:
        print(f"{len(_missed)} bars missed: {'; '.join(what.strip() for what in _missed)}")
    return 1 if _missed else 0


if __name__ == "__main__":
    sys.exit(main())
