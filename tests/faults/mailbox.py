"""A generated mailbox: what a company's two desks get in a while, and what must become of each mail.

The same seed gives the same mails. Among them: questions that the knowledge base answers, threads, the same mail
delivered again, one mail to both desks, files, machines that must not be answered, another mail under a used id.
"""

from __future__ import annotations

import hashlib
import random
from base64 import b64encode
from dataclasses import dataclass, replace

from pgdesk.environment import RECEIVER

DESKS = {"kestrel": "support@kestrel.example", "osprey": "help@osprey.example"}
QUESTIONS = (
    ("Return an item", "how many days do I have to return an item?"),
    ("My tent", "can I wash my tent in a washing machine?"),
    ("Pick-up point", "how long does a parcel wait at a pick-up point?"),
    ("A person, please", "I want to speak to a human being, please. Nobody answers."),
    ("Where is it?", "my parcel has not come and the page shows nothing since Monday. What now?"),
)


@dataclass(frozen=True)
class Mail:
    """One mail as a receiver hands it over. `answers`: the Message-ID of an earlier mail in the same thread.

    `copies`: how often the sender's server delivers it. `files` are SHA-256 in hex.
    """

    message_id: str
    sender: str
    raw: bytes
    recipients: tuple[str, ...]
    is_human: bool = True
    answers: str | None = None
    copies: int = 1
    files: tuple[str, ...] = ()

    @property
    def desks(self) -> tuple[str, ...]:
        """The organizations that it is addressed to, by slug."""
        return tuple(slug for slug, address in DESKS.items() if address in self.recipients)


def mailbox(seed: int, count: int) -> list[Mail]:
    """`count` mails; those that answer stand after what they answer."""
    chance = random.Random(seed)
    mails: list[Mail] = []
    while len(mails) < count:
        mails.append(_next(chance, seed, len(mails), mails))
    return mails


def with_file(seed: int, size: int) -> Mail:
    """One mail with a file of `size` random bytes."""
    content = random.Random(seed).randbytes(size)
    sender = f"large.{seed}@people.example"
    return _mail(
        f"<large.{seed}@people.example>", sender, (DESKS["kestrel"],), "A file", "See the file.\r\n", [content]
    )


def _next(chance: random.Random, seed: int, number: int, before: list[Mail]) -> Mail:
    kind = chance.random()
    threads = [mail for mail in before if mail.is_human and len(mail.recipients) == 1]
    if threads and kind < 0.25:
        return _answer(chance, seed, number, chance.choice(threads[-12:]))
    recipients = (chance.choice(list(DESKS.values())),) if chance.random() < 0.85 else tuple(DESKS.values())
    sender = f"customer{number}.{seed}@people.example"
    if kind > 0.92:
        return _automatic(seed, number, recipients)
    subject, words = chance.choice(QUESTIONS)
    body = f"Hello,\r\n\r\n{words}\r\n\r\nKind regards\r\nNumber {number}\r\n"
    files = [chance.randbytes(chance.randrange(200, 20_000))] if chance.random() < 0.3 else []
    mail = _mail(f"<{number}.{seed}@people.example>", sender, recipients, subject, body, files)
    if kind > 0.85 and threads:
        # The id of another mail of the same sender, with other content: two mails, not one.
        first = chance.choice(threads)
        return _mail(first.message_id, first.sender, first.recipients, f"{subject} {number}", body, [])
    return replace(mail, copies=chance.choice((1, 1, 1, 2, 3)))


def _answer(chance: random.Random, seed: int, number: int, first: Mail) -> Mail:
    body = f"One more thing:\r\n\r\n{chance.choice(QUESTIONS)[1]}\r\n({number})\r\n"
    mail = _mail(
        f"<{number}.{seed}@people.example>", first.sender, first.recipients, "Re: as before", body, [],
        f"In-Reply-To: {first.message_id}\r\nReferences: {first.message_id}\r\n",
    )  # fmt: skip
    return replace(mail, answers=first.message_id)


def _automatic(seed: int, number: int, recipients: tuple[str, ...]) -> Mail:
    mail = _mail(
        f"<{number}.{seed}@machines.example>", f"robot{number}.{seed}@machines.example", recipients, "Out of office",
        "I am away until Monday.\r\n", [], "Auto-Submitted: auto-replied\r\n",
    )  # fmt: skip
    return replace(mail, is_human=False)


def _mail(
    message_id: str, sender: str, recipients: tuple[str, ...], subject: str, body: str, files: list[bytes],
    more: str = "",
) -> Mail:  # fmt: skip
    head = (
        f"Authentication-Results: {RECEIVER}; dmarc=pass header.from={sender.rpartition('@')[2]}\r\n"
        f"From: A Customer <{sender}>\r\nTo: {', '.join(recipients)}\r\nSubject: {subject}\r\n"
        f"Date: Mon, 16 Nov 2026 09:00:00 +0000\r\nMessage-ID: {message_id}\r\nMIME-Version: 1.0\r\n{more}"
    )
    if files:
        edge = "=_edge"
        parts = [f"--{edge}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}"]
        for number, content in enumerate(files, 1):
            text = b64encode(content).decode()
            lines = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
            parts.append(
                f"--{edge}\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
                f'Content-Disposition: attachment; filename="file{number}.pdf"\r\n\r\n{lines}\r\n'
            )
        head += f'Content-Type: multipart/mixed; boundary="{edge}"\r\n'
        body = "".join(parts) + f"--{edge}--\r\n"
    else:
        head += "Content-Type: text/plain; charset=utf-8\r\n"
    hashes = tuple(hashlib.sha256(content).hexdigest() for content in files)
    return Mail(message_id, sender, f"{head}\r\n{body}".encode(), recipients, files=hashes)
