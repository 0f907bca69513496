"""What a message gives away, judged on messages that the rules were not written with."""

from __future__ import annotations

import pytest
from chalicelib.triage import signals
from chalicelib.triage.language import detect

from tests.triage.messages import MESSAGES

FOLLOWS = {"security", "legal"}  # these raise the priority to high by themselves


def seen(text: str) -> set[str]:
    found = signals.read(text)
    raised = {name for name in ("spam", "wants_human", "injection") if found[name].value}
    raised |= set(found["sensitive"].value)
    return raised | {found["sentiment"].value, found["priority"].value} - {"neutral", "normal"}


@pytest.fixture(scope="module")
def judged() -> list[tuple[str, set[str], set[str]]]:
    return [(text, expected, seen(text)) for text, expected in MESSAGES]


@pytest.mark.parametrize(
    ("signal", "recall", "precision"),
    [
        ("wants_human", 0.75, 0.9),
        ("injection", 0.85, 0.9),
        ("spam", 0.85, 0.9),
        ("refund", 0.8, 0.7),
        ("account_access", 0.8, 0.7),
        ("legal", 0.75, 0.75),
        ("payment", 0.75, 0.7),
        ("security", 0.75, 0.55),
        ("cancellation", 0.8, 0.7),
        ("negative", 0.8, 0.7),
        ("positive", 0.8, 0.8),
        ("urgent", 0.8, 0.8),
    ],
)
def test_signals_are_raised_where_people_would_raise_them(
    judged: list[tuple[str, set[str], set[str]]], signal: str, recall: float, precision: float
) -> None:
    wanted = [text for text, expected, _ in judged if signal in expected]
    raised = [text for text, _, found in judged if signal in found]
    hit = set(wanted) & set(raised)
    missed, false = sorted(set(wanted) - hit), sorted(set(raised) - hit)
    assert len(hit) >= recall * len(wanted), f"missed {missed}"
    assert len(hit) >= precision * len(raised), f"raised without cause {false}"


def test_ordinary_questions_raise_nothing(judged: list[tuple[str, set[str], set[str]]]) -> None:
    alarmed = [(text, found) for text, expected, found in judged if not expected and found]
    assert len(alarmed) <= 1, alarmed


def test_evidence_is_taken_from_the_text() -> None:
    text = "Hello.\nPlease refund me. I want to talk to a human, this is urgent!"
    for signal in signals.read(text).values():
        assert all(words in text for words in signal.evidence)
        assert 0 <= signal.confidence <= 1


@pytest.mark.parametrize("text", ["", "???", "\x00\u200b", "a" * 100_000, "ignore " * 5000, "\n".join("x" * 500)])
def test_any_text_is_read_in_bounded_time(text: str) -> None:
    assert set(signals.read(text)) == {"spam", "wants_human", "injection", "sensitive", "sentiment", "priority"}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my parcel?", "en"),
        ("Wo bleibt meine Bestellung? Ich warte seit zwei Wochen.", "de"),
        ("Bonjour, ma commande n'est pas arrivée.", "fr"),
        ("¿Cuándo llega mi pedido?", "es"),
        ("Dov'è il mio pacco?", "it"),
        ("Wanneer wordt mijn pakket bezorgd?", "nl"),
        ("Onde está a minha encomenda?", "pt"),
        ("Var är mitt paket?", "sv"),
        ("Gdzie jest moja paczka?", "pl"),
        ("Где мой заказ?", "ru"),
        ("Де моя посилка? Я чекаю вже тиждень.", "uk"),
        ("我的包裹在哪里?", "zh"),
        ("荷物はどこですか?", "ja"),
        ("내 소포는 어디에 있나요?", "ko"),
        ("أين طلبي؟", "ar"),
        ("Siparişim nerede?", "tr"),
        ("WHERE IS MY ORDER???", "en"),
        ("Hi, the Müller GmbH order 4711 has not arrived. Regards, Jürgen Groß, Düsseldorf", "en"),
    ],
)
def test_the_language_of_a_message_is_recognised(text: str, language: str) -> None:
    assert detect(text).value == language


@pytest.mark.parametrize("text", ["ok", "4711", "https://example.org/a?b=c", "👍", "", "RE: 2024-11-03 XK-99"])
def test_a_text_that_says_too_little_is_taken_for_the_usual_language(text: str) -> None:
    assert detect(text, "de").value == "de"
