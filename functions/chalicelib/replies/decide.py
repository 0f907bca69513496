"""Send, draft or escalate: hard rules first, then the calibrated confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Decision = Literal["send", "draft", "escalate"]

# From the first AI answer that did not help to the person: one more try is allowed.
MAX_AI_TURNS = 2

# Topics where an answer may be prepared but never goes out by itself. Every other sensitive topic (refunds, access to
# accounts, law, and what an organization calls sensitive) is for a person from the start.
PREPARED = {"payment", "cancellation"}


@dataclass(frozen=True)
class Case:
    """All that the decision rests on. `mode` and `threshold` are the organization's."""

    mode: Literal["off", "draft", "auto"]
    threshold: float
    confidence: float
    has_source: bool
    supported: bool
    wants_human: bool = False
    sensitive: Sequence[str] = ()
    injection: bool = False
    verified: bool = False
    language_supported: bool = True
    ai_turns: int = 0
    dissatisfied: bool = False
    awaits_person: bool = False
    taken_over: bool = False
    model_says: Literal["fully", "partly", "no"] | None = None


def decide(case: Case) -> tuple[Decision, list[str]]:
    """The decision, and every reason why it is not `send`.

    A person decides where one was asked for, where money, accounts or law are touched, where the AI has failed
    already, where nothing answers, and where confidence is below the organization's threshold (0.7 unless it says
    otherwise). An instruction hidden in the text, or a sender who may not be who it says, only takes away the
    automatic sending. Where a person has the ticket already, there is nobody to escalate to: they get a draft.
    """
    handover, caution = _handover(case), _caution(case)
    if case.taken_over:
        return "draft", ["human_took_over", *handover, *caution]
    if handover:
        return "escalate", handover + caution
    if case.mode != "auto":
        caution.append(f"mode_{case.mode}")
    return ("draft", caution) if caution else ("send", [])


def _handover(case: Case) -> list[str]:
    reasons: list[str] = []
    if case.wants_human:
        reasons.append("wants_human")
    elif case.awaits_person:
        reasons.append("awaits_person")
    reasons += [f"sensitive:{topic}" for topic in case.sensitive if topic not in PREPARED]
    if case.ai_turns >= MAX_AI_TURNS or (case.ai_turns and case.dissatisfied):
        reasons.append("failed_before")
    if not case.language_supported:
        reasons.append("language")
    if not case.has_source:
        reasons.append("no_source")
    elif case.model_says == "no":
        reasons.append("model_found_no_answer")
    elif case.confidence < case.threshold:
        reasons.append("low_confidence")
    return reasons


def _caution(case: Case) -> list[str]:
    reasons = [f"sensitive:{topic}" for topic in case.sensitive if topic in PREPARED]
    if case.has_source and not case.supported:
        reasons.append("unsupported_sentence")
    if case.injection:
        reasons.append("injection")
    if case.model_says == "partly":
        reasons.append("partial_answer")
    if not case.verified:
        reasons.append("sender_not_verified")
    return reasons
