"""What is sent by itself, what waits for a person's word, what goes to a person."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from chalicelib.replies.decide import Case, decide

GOOD = Case(mode="auto", threshold=0.7, confidence=0.9, has_source=True, supported=True, verified=True)

RULES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({}, "send", []),
    ({"confidence": 0.7}, "send", []),
    ({"model_says": "fully"}, "send", []),
    ({"ai_turns": 1}, "send", []),
    ({"dissatisfied": True}, "send", []),  # angry about something else: nothing has failed yet
    # Only the automatic sending is taken away.
    ({"mode": "draft"}, "draft", ["mode_draft"]),
    ({"mode": "off"}, "draft", ["mode_off"]),
    ({"verified": False}, "draft", ["sender_not_verified"]),
    ({"injection": True}, "draft", ["injection"]),
    ({"supported": False}, "draft", ["unsupported_sentence"]),
    ({"model_says": "partly"}, "draft", ["partial_answer"]),
    ({"sensitive": ["payment"]}, "draft", ["sensitive:payment"]),
    ({"sensitive": ["cancellation"]}, "draft", ["sensitive:cancellation"]),
    # A person decides.
    ({"confidence": 0.69}, "escalate", ["low_confidence"]),
    ({"threshold": 0.95}, "escalate", ["low_confidence"]),
    ({"has_source": False, "confidence": 0.0}, "escalate", ["no_source"]),
    ({"model_says": "no"}, "escalate", ["model_found_no_answer"]),
    ({"wants_human": True}, "escalate", ["wants_human"]),
    ({"awaits_person": True}, "escalate", ["awaits_person"]),
    ({"sensitive": ["refund"]}, "escalate", ["sensitive:refund"]),
    ({"sensitive": ["account_access"]}, "escalate", ["sensitive:account_access"]),
    ({"sensitive": ["legal"]}, "escalate", ["sensitive:legal"]),
    ({"sensitive": ["security"]}, "escalate", ["sensitive:security"]),
    ({"sensitive": ["what_an_organization_calls_so"]}, "escalate", ["sensitive:what_an_organization_calls_so"]),
    ({"ai_turns": 2}, "escalate", ["failed_before"]),
    ({"ai_turns": 1, "dissatisfied": True}, "escalate", ["failed_before"]),
    ({"language_supported": False}, "escalate", ["language"]),
    ({"mode": "draft", "wants_human": True}, "escalate", ["wants_human"]),
    # Every reason is told.
    (
        {
            "wants_human": True,
            "sensitive": ["legal", "payment"],
            "confidence": 0.1,
            "injection": True,
            "verified": False,
        },
        "escalate",
        ["wants_human", "sensitive:legal", "low_confidence", "sensitive:payment", "injection", "sender_not_verified"],
    ),
    # A person has the ticket: they get a draft, whatever it is worth.
    ({"taken_over": True}, "draft", ["human_took_over"]),
    ({"taken_over": True, "wants_human": True}, "draft", ["human_took_over", "wants_human"]),
]


@pytest.mark.parametrize(("changes", "decision", "reasons"), RULES)
def test_rules(changes: dict[str, Any], decision: str, reasons: list[str]) -> None:
    assert decide(replace(GOOD, **changes)) == (decision, reasons)


def test_nothing_with_any_reason_against_it_is_ever_sent() -> None:
    against: list[dict[str, Any]] = [
        {"mode": "draft"}, {"verified": False}, {"injection": True}, {"supported": False}, {"confidence": 0.2},
        {"has_source": False}, {"wants_human": True}, {"sensitive": ["refund"]}, {"ai_turns": 2}, {"taken_over": True},
        {"language_supported": False}, {"model_says": "no"}, {"awaits_person": True},
    ]  # fmt: skip
    for chosen in product([False, True], repeat=len(against)):
        case = GOOD
        for changes, taken in zip(against, chosen, strict=True):
            case = replace(case, **changes) if taken else case
        decision, reasons = decide(case)
        assert (decision == "send") == (not any(chosen)) == (not reasons)
