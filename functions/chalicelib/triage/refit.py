"""The consumer `refit`: embeds what has no vector of this model yet, then fits the organization's head anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from psycopg.types.json import Jsonb

from chalicelib.kit.database import Connection, queries, rows, transaction
from chalicelib.kit.embeddings import MODEL, embed
from chalicelib.kit.jobs import Effects, Job
from chalicelib.triage.blend import fit_blend
from chalicelib.triage.head import Floats, fit
from chalicelib.triage.lexical import Sparse, lexical
from chalicelib.triage.vectors import literal, of_bytes

SQL = queries(__file__)

MOST_EXAMPLES = 20_000  # the newest count; a fit on them takes about a minute of one core
REJECT = 0.03  # share of known texts that may be taken for "no label fits"


def handle(job: Job) -> Effects | None:
    """Embedding is kept round by round; the head is replaced with finishing the job."""
    while embed_missing(job.tenant):
        pass
    with transaction(job.tenant) as connection:
        found = rows(
            connection, SQL["examples"], {"organization_id": job.tenant, "model": MODEL, "most": MOST_EXAMPLES}
        )
    fitted = fitted_head(job.tenant, found)

    def effects(connection: Connection) -> None:
        if fitted is None:
            connection.execute(SQL["forget_head"], {"organization_id": job.tenant})
        else:
            connection.execute(SQL["replace_head"], fitted)

    return effects


def embed_missing(organization_id: UUID) -> int:
    """Give up to 500 examples their vectors. Returns how many there were."""
    with transaction(organization_id) as connection:
        missing = rows(connection, SQL["examples_to_embed"], {"organization_id": organization_id, "model": MODEL})
    if missing:
        texts = [row["text"] for row in missing]
        parameters = {
            "model": MODEL,
            "ids": [row["id"] for row in missing],
            "texts": texts,
            "embeddings": [literal(vector) for vector in embed(texts)],
            "lexicals": [lexical(text).literal() for text in texts],
        }
        with transaction(organization_id) as connection:
            connection.execute(SQL["embed_examples"], parameters)
    return len(missing)


def fitted_head(organization_id: UUID, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The parameters of private.replace_head; None where there are not two categories to tell apart."""
    categories = sorted({example["category_id"] for example in examples})
    if len(categories) < 2:
        return None
    number = {category: at for at, category in enumerate(categories)}
    labels = np.array([number[example["category_id"]] for example in examples], np.intp)
    embeddings: Floats = np.stack([of_bytes(example["embedding"]) for example in examples])
    wording = [Sparse.of_bytes(example["lexical"]) for example in examples]
    weights = fit(embeddings, labels, len(categories))
    read_at: datetime = examples[0]["read_at"]
    return {
        "organization_id": organization_id,
        "model": MODEL,
        "examples": len(examples),
        "read_at": read_at,
        "blend": Jsonb(asdict(fit_blend(embeddings, wording, labels, len(categories), reject=REJECT))),
        "categories": categories,
        "weights": [literal(column) for column in weights.matrix.T],
        "biases": weights.bias.tolist(),
    }
