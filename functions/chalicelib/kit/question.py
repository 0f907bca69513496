"""What is asked: subject and new text of a mail, without the courtesies around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.kit.sentences import split_sentences

MAX_CHARACTERS = 2000
_MAX_READ = 8000  # characters of one mail
_STORY_WORDS = 20
_MAX_ASKING = 3
_WORD = re.compile(r"\w+")
# The last line of a mail, where it is a name.
_NAME = re.compile(r"[A-ZÀ-ÞА-Я][\w'-]*\.?(?: [A-ZÀ-ÞА-Я][\w'-]*\.?){0,2}")
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|to whom it may concern|hallo|liebe[rs]?"
    r"|sehr geehrte[rs]?|guten (?:tag|morgen|abend)|moin|servus|bonjour|bonsoir|salut|cher|chère|hola|buen[oa]s"
    r"|estimad[oa]s?|ciao|buongiorno|olá|ol[aá]|bom dia|hoi|beste|hej)\b",
    re.IGNORECASE,
)
# A greeting of more words than these says something already.
_GREETING_WORDS = 6
_MARK = re.compile(r"[,!.:–—-](?=\s|$)")
_CLOSING = re.compile(
    r"^\W*(?:(?:many |best |kind |warm )?(?:thanks|thank you|regards|wishes|cheers)|best|sincerely|yours|all the best"
    r"|thx|mfg|lg|vg|(?:mit |viele |liebe |beste |freundliche)\w*.{0,20}gr(?:ü|ue)(?:ß|ss)\w*|(?:vielen |besten )?dank"
    r"|gr(?:ü|ue)(?:ß|ss)\w*|merci|cordialement|bien à vous|salutations|saludos|gracias|un saludo|atentamente|grazie"
    r"|cordiali saluti|obrigad[oa]|groeten|sent from my \w+|von meinem \w+ gesendet|get outlook for \w+)\b",
    re.IGNORECASE,
)
_CLOSING_WORDS = 9
_COURTESY = re.compile(
    r"\b(?:I )?hope (?:you(?:'re| are)|this (?:e-?mail|mail|message) finds|all is)\b[^.!?\n]*[.!?]+"
    r"|\b(?:many )?thank(?:s| you)(?: very much| so much| a lot)?(?: in advance"
    r"| for (?:your|any|the) (?:help|time|support)[^.!?\n]*)?[.!]+"
    r"|\b(?:I )?look(?:ing)? forward to (?:hearing|your)\b[^.!?\n]*[.!]*"
    r"|\bvielen dank(?: im voraus| für [^.!?\n]{3,40})?[.!]+|\bich hoffe,? (?:es geht|ihnen geht)[^.!?\n]*[.!]+",
    re.IGNORECASE,
)
# A farewell at the end of the last line, with the name behind it.
_FAREWELL = re.compile(
    r"(?:^|(?<=[.!?)\s]))(?i:(?:(?:kind|best|warm|many|viele|liebe|beste)\s+)?(?:regards|wishes|thanks|cheers|sincerely"
    r"|thank you(?: very much)?|gr(?:ü|ue)(?:ß|ss)e|danke))\b[,.!]*(?:\s[A-ZÀ-ÞА-Я][\w.'-]*){0,3}[.!]*$"
)
_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|fwd?|wg|rv|tr|odp)\s*(?:\[\d+\])?\s*:|\[[^\]]{1,40}\])\s*", re.IGNORECASE
)
# A subject of these words alone says only that somebody writes.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an any quick short small general new my the for from about your to you me i have need please help hello hi"
        " hey question questions query enquiry inquiry request support contact message info information urgent"
        " important issue problem customer service team no subject website form eine ein kurze frage fragen anfrage"
        " hilfe bitte hallo dringend kontakt nachricht kein betreff pregunta consulta ayuda demande bonjour aide",
    )
)


def question(subject: str, texts: Sequence[str] | None) -> str:
    """One text to search with: the subject where it says something, then what was written, oldest first.

    Greetings, thanks and names under a mail are left out, because every word weighs in the search. Where nothing is
    left the text stays as it was.
    """
    topic = _topic(subject)
    bodies = [_plain(text[:_MAX_READ]) or " ".join(text[:_MAX_READ].split()) for text in texts or ()]
    parts = [*([topic] if _says_something(topic) else []), *bodies]
    # A mail whose subject is its first sentence says it once.
    if len(parts) > 1 and parts[1].lower().startswith(parts[0].lower()):
        parts = parts[1:]
    asked = "\n".join(filter(None, parts))
    return (asked or topic)[:MAX_CHARACTERS]


def narrower(subject: str, texts: Sequence[str] | None) -> list[str]:
    """The same question in fewer words, for a mail that tells a story around it: the subject, and under it each of the
    last sentences that ask. Empty where the mail is short: then nothing surrounds the question."""
    topic = _topic(subject)
    body = " ".join(_plain(text[:_MAX_READ]) for text in texts or ())[:MAX_CHARACTERS]
    if len(body.split()) < _STORY_WORDS:
        return []
    asking = [sentence for sentence in split_sentences(body) if sentence.endswith("?")][-_MAX_ASKING:]
    if not _says_something(topic):
        return asking
    return [topic, *(f"{topic}\n{sentence}" for sentence in asking)]


def _topic(subject: str) -> str:
    topic = subject
    while (stripped := _PREFIX.sub("", topic)) != topic:
        topic = stripped
    return " ".join(topic.split())


def _says_something(topic: str) -> bool:
    return not _EMPTY_WORDS.issuperset(_WORD.findall(topic.lower()))


def _plain(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    if lines and (greeting := _GREETING.match(lines[0])):
        lines[0] = _after_greeting(lines[0], greeting.end())
    for number, line in enumerate(lines):
        # From a short closing line on there are names, addresses and advertisements.
        if number and _CLOSING.match(line) and len(line.split()) <= _CLOSING_WORDS and "?" not in line:
            lines = lines[:number]
            break
    if len(lines) > 1 and _NAME.fullmatch(lines[-1]):
        lines = lines[:-1]
    return " ".join(_COURTESY.sub(" ", _FAREWELL.sub("", " ".join(lines))).split())


def _after_greeting(line: str, end: int) -> str:
    """What a first line says behind "Hi Anna," or, where no mark ends the greeting, behind its "Hello"."""
    mark = _MARK.search(line)
    if mark and len(line[: mark.start()].split()) <= _GREETING_WORDS:
        return line[mark.end() :].strip()
    return "" if len(line.split()) < _GREETING_WORDS - 1 and not mark else line[end:].strip()
