"""Send, draft or escalate: hard rules first, then the calibrated confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Decision = Literal["send", "draft", "escalate"]

# From the first AI answer that did not help to the person: one more try is allowed.
MAX_AI_TURNS = 2


@dataclass(frozen=True)
class Case:
    """All that the decision rests on. `mode` and `threshold` are the organization's."""

    mode: Literal["off", "draft", "auto"]
    threshold: float
    confidence: float
    has_source: bool
    supported: bool
    wants_human: bool = False
    sensitive: Sequence[str] = field(default_factory=tuple)
    injection: bool = False
    verified: bool = False
    language_supported: bool = True
    ai_turns: int = 0
    dissatisfied: bool = False
    model_says: Literal["fully", "partly", "no"] | None = None


def decide(case: Case) -> tuple[Decision, list[str]]:
    """The decision, and every reason why it is not `send`.

    A person decides where one was asked for, where money, accounts or law are touched, where the AI has failed
    already, where nothing answers, and where confidence is below the organization's threshold (0.7 unless it says
    otherwise). An instruction hidden in the text, or a sender who may not be who it says, only takes away the
    automatic sending.
    """
    handover: list[str] = []
    if case.wants_human:
        handover.append("wants_human")
    handover += [f"sensitive:{topic}" for topic in case.sensitive]
    if case.ai_turns >= MAX_AI_TURNS or (case.ai_turns and case.dissatisfied):
        handover.append("failed_before")
    if not case.language_supported:
        handover.append("language")
    if not case.has_source:
        handover.append("no_source")
    elif case.model_says == "no":
        handover.append("model_found_no_answer")
    elif case.confidence < case.threshold:
        handover.append("low_confidence")
    caution: list[str] = []
    if case.has_source and not case.supported:
        caution.append("unsupported_sentence")
    if case.injection:
        caution.append("injection")
    if case.model_says == "partly":
        caution.append("partial_answer")
    if not case.verified:
        caution.append("sender_not_verified")
    if handover:
        return "escalate", handover + caution
    if case.mode == "draft":
        caution.append("mode_draft")
    return ("draft", caution) if caution else ("send", [])
