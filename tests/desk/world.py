"""A running desk with two organizations on it, used through its public doors: mail, the API's clients, the mailbox."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import make_msgid
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx
from supabase.lib.client_options import SyncClientOptions

from infra.local.settings import Settings
from pgdesk.environment import RECEIVER
from pgdesk.mail import client, post
from supabase import Client, create_client
from tests.people import Connection, connect
from tests.waiting import until

PASSWORD = "a long enough password"
# Jobs that follow from mail and articles; refitting waits for minutes, and nobody for it.
UNFINISHED = """
select consumer from private.jobs
where state in ('waiting', 'published', 'running')
  and consumer in ('intake', 'triage', 'reply', 'send_mail', 'index_article')
"""
ARTICLES = {
    "How long do I have to return an item?": "You have 30 days from the day of delivery to return an item.\n\n"
    "Open **My orders**, choose the order, press **Return items** and print the label.",
    "How do I wash a tent?": "Wash a tent by hand with lukewarm water and mild soap. Never use a washing machine.\n\n"
    "Dry it completely before you pack it, or it grows mould within 48 hours.",
    "Which pick-up points are there?": "We deliver to 40,000 pick-up points. A parcel waits there for 10 days.",
}
EXAMPLES = {
    "returns": ("How do I send my order back?", "I want to return these boots", "Return label for my jacket please"),
    "care": ("How should I clean my tent?", "The zip of my sleeping bag is stuck", "Can I wash a down jacket?"),
    "delivery": ("When will my parcel arrive?", "Do you deliver to Norway?", "Which parcel shop is near me?"),
}


@dataclass
class Person:
    """Somebody signed in, with the platform's own client."""

    email: str
    client: Client

    @property
    def id(self) -> str:
        session = self.client.auth.get_session()
        assert session
        return session.user.id

    @property
    def token(self) -> str:
        session = self.client.auth.get_session()
        assert session
        return session.access_token

    def rows(self, table: str, **equals: Any) -> list[dict[str, Any]]:
        """What this person sees of a table."""
        query = self.client.table(table).select("*")
        for name, value in equals.items():
            query = query.eq(name, value)
        found: Any = query.execute().data
        return list(found)

    def call(self, function: str, **arguments: Any) -> Any:
        return self.client.rpc(function, arguments).execute().data


@dataclass
class Organization:
    id: UUID
    slug: str
    address: str
    owner: Person
    agent: Person
    categories: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """The stack's settings, a session that sees everything (to wait and to count, not to act), and who is there."""

    settings: Settings
    db: Connection
    acme: Organization = field(init=False)
    bolt: Organization = field(init=False)
    opened: list[httpx.Client] = field(default_factory=list)

    @cached_property
    def inbound(self) -> httpx.Client:
        """The mail provider's side of POST /inbound/mime."""
        return client(self.settings)

    @cached_property
    def mailbox(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://{self.settings.host}:{self.settings.mail_port}", timeout=30)

    @cached_property
    def admin(self) -> httpx.Client:
        """Auth's admin API."""
        keys = self.settings.keys
        headers = {"apikey": keys.secret_key, "authorization": f"Bearer {keys.service_role_key}"}
        return httpx.Client(base_url=f"{self.settings.api_url}/auth/v1/admin", headers=headers, timeout=30)

    def close(self) -> None:
        for each in (self.inbound, self.mailbox, self.admin, *self.opened):
            each.close()

    # --- people -------------------------------------------------------------------------------------------------------

    def stranger(self) -> Client:
        """A client that nobody has signed in to."""
        http = httpx.Client(timeout=30)
        self.opened.append(http)
        options = SyncClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        return create_client(self.settings.api_url, self.settings.keys.publishable_key, options)

    def person(self, email: str) -> Person:
        """A confirmed user, signed in with a password."""
        wanted = {"email": email, "password": PASSWORD, "email_confirm": True}
        self.admin.post("/users", json=wanted).raise_for_status()
        signed_in = self.stranger()
        signed_in.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        return Person(email, signed_in)

    def sign_in_by_mail(self, email: str) -> Person:
        """Ask for a link, take it out of the mailbox, and follow it as a browser would be told to."""
        signed_in = self.stranger()
        signed_in.auth.sign_in_with_otp({"email": email})
        mail = self.mail_to(email, lambda mail: "sign" in mail["subject"].lower())
        code = re.search(r"code: (\d{6,})", mail["text"])
        assert code, mail["text"]
        signed_in.auth.verify_otp({"email": email, "token": code[1], "type": "email"})
        return Person(email, signed_in)

    def organization(self, slug: str, ai_mode: str) -> Organization:
        """Founded by its owner, with an agent who took up an invitation, all through the API."""
        owner, agent = self.person(f"owner@{slug}.example"), self.person(f"agent@{slug}.example")
        made = owner.call("create_organization", name=slug.title(), slug=slug)
        own = {"organization_id": made["id"]}
        invited: Any = (
            owner.client.table("invitations")
            .insert({**own, "email": agent.email, "role": "agent", "invited_by": owner.id})
            .execute()
            .data
        )
        agent.call("accept_invitation", invitation_id=invited[0]["id"])
        address = f"help@{slug}.example"
        owner.client.table("mail_addresses").insert({**own, "address": address, "is_default": True}).execute()
        owner.client.table("organizations").update({"ai_mode": ai_mode}).eq("id", made["id"]).execute()
        return Organization(UUID(made["id"]), slug, address, owner, agent)

    def teach(self, organization: Organization) -> None:
        """Categories with examples, and articles, by the people who may."""
        own = {"organization_id": str(organization.id)}
        owner = organization.owner
        rows = [{**own, "key": key, "name": key.title()} for key in EXAMPLES]
        made: Any = owner.client.table("ticket_categories").insert(rows).execute().data
        organization.categories = {row["key"]: row["id"] for row in made}
        owner.client.table("triage_examples").insert(
            [
                {**own, "category_id": organization.categories[key], "text": text}
                for key, texts in EXAMPLES.items()
                for text in texts
            ]
        ).execute()
        for title, body in ARTICLES.items():
            article = organization.agent.call("create_article", **own, title=title, body=body)
            organization.agent.call("publish_article", article_id=article["id"])

    # --- mail ---------------------------------------------------------------------------------------------------------

    def deliver(self, mail: EmailMessage | bytes, *recipients: str) -> list[dict[str, Any]]:
        """Hand a mail over, as a provider would; the ledger's entries."""
        answer = post(self.inbound, mail if isinstance(mail, bytes) else mail.as_bytes(), recipients)
        assert answer.status_code == 202, answer.text
        kept: list[dict[str, Any]] = answer.json()["mails"]
        return kept

    def filed(self, inbound_id: str) -> dict[str, Any]:
        """The ledger's row once it is done with."""
        return until(
            lambda: self.db.execute(
                "select * from public.inbound_mails where id = %s and state in ('done', 'quarantined')", [inbound_id]
            ).fetchone()
        )

    def receive(self, mail: EmailMessage | bytes, *recipients: str) -> dict[str, Any]:
        """Deliver to one organization and wait until it is filed."""
        (kept,) = self.deliver(mail, *recipients)
        return self.filed(kept["id"])

    def triaged(self, message_id: object) -> dict[str, Any]:
        """What triage made of a message, once it has."""
        return until(
            lambda: self.db.execute(
                "select * from public.triage_results where message_id = %s", [message_id]
            ).fetchone()
        )

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.mailbox.get("/api/messages", params={"to": address}).json()
        return found

    def mail_to(self, address: str, where: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first mail to `address` for which `where` holds, once there is one."""
        return until(lambda: next(filter(where, self.mails_to(address)), None))

    def quiet(self) -> None:
        """Wait until no mail is being read or answered."""
        until(lambda: not self.db.execute(UNFINISHED).fetchall(), 120)


def letter(sender: str, to: str, subject: str, text: str, *, dmarc: str = "pass", **headers: str) -> EmailMessage:
    """A mail as the desk's own receiver hands it on, with its verdict on the sender."""
    mail = EmailMessage()
    domain = sender.rpartition("@")[2].rstrip(">")
    mail["Authentication-Results"] = f"{RECEIVER}; dmarc={dmarc} header.from={domain}"
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = make_msgid(domain=domain)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def is_reply(mail: dict[str, Any]) -> bool:
    """An answer, not the receipt of a new ticket."""
    return "We have received it" not in mail["text"]


@contextmanager
def open_world(settings: Settings) -> Iterator[World]:
    """Furnish a running stack: acme answers by itself, bolt has no AI."""
    with connect(settings, "postgres") as db:
        world = World(settings, db)
        try:
            world.acme = world.organization("acme", "auto")
            world.bolt = world.organization("bolt", "off")
            world.teach(world.acme)
            world.quiet()
            # Examples count once they are embedded.
            until(lambda: not db.execute("select from public.triage_examples where embedding is null").fetchall())
            yield world
        finally:
            world.close()


def dump(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows for a message of an assertion."""
    return json.dumps([dict(row) for row in rows], default=str, indent=1)
