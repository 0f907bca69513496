"""The category of a text: asked of Postgres, which holds the examples and the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chalicelib.kit.database import call_rows, queries
from chalicelib.triage.head import Floats
from chalicelib.triage.lexical import Sparse
from chalicelib.triage.vectors import literal

SQL = queries(__file__)


@dataclass(frozen=True)
class Category:
    """The best category and its calibrated probability; no category where nothing was filed yet."""

    id: UUID | None
    confidence: float
    abstained: bool
    ranking: list[dict[str, Any]]
    evidence: list[UUID]


def predict(organization_id: UUID, embedding: Floats, wording: Sparse) -> Category:
    """See private.predict_category. Asked on behalf of that organization."""
    parameters = {
        "organization_id": organization_id,
        "embedding": literal(embedding),
        "lexical": wording.literal(),
    }
    ranking = call_rows(SQL["predict_category"], parameters, organization_id)
    if not ranking:
        return Category(None, 0.0, abstained=True, ranking=[], evidence=[])
    best = ranking[0]
    return Category(
        id=best["category_id"],
        confidence=round(best["confidence"], 4),
        abstained=best["abstain"],
        ranking=[
            {"category_id": str(row["category_id"]), "confidence": round(row["confidence"], 4)} for row in ranking
        ],
        evidence=best["evidence"],
    )
