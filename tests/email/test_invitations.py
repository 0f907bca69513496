"""Who is invited gets a mail, signs in with its address and is a member; a mail about what is over is not sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from chalicelib.kit.settings import settings

from tests.email.conftest import Post, refusal
from tests.people import Actor, act_as, connect, new_member, new_user, not_there

INBOX = "https://inbox.example"
NEW = "new@people.example"


@pytest.fixture
def admin(post: Post, monkeypatch: pytest.MonkeyPatch) -> Iterator[Actor]:
    monkeypatch.setenv("PGDESK_INBOX_URL", INBOX)
    settings.cache_clear()
    with connect(post.world.settings, "supabase_admin") as db:
        yield new_member(db, post.world.organization, "admin")


def as_(post: Post, actor: Actor, statement: str, *parameters: object) -> list[dict[str, Any]]:
    with connect(post.world.settings, "supabase_admin") as db, db.transaction():
        act_as(db, actor)
        return db.execute(statement.encode(), parameters).fetchall()


def invite(post: Post, by: Actor, email: str = NEW, role: str = "agent") -> UUID:
    (row,) = as_(
        post, by,
        "insert into public.invitations (organization_id, email, role, invited_by) values (%s, %s, %s, %s)"
        " returning id",
        post.world.organization, email, role, by.user_id,
    )  # fmt: skip
    return UUID(str(row["id"]))


def resend(post: Post, by: Actor, invitation: UUID) -> None:
    as_(post, by, "select public.resend_invitation(%s)", invitation)


def status(post: Post, by: Actor, invitation: UUID) -> str:
    (row,) = as_(post, by, "select i.mail_status from public.invitations as i where i.id = %s", invitation)
    return str(row["mail_status"])


def user(post: Post, email: str, *, confirmed: bool = True) -> Actor:
    with connect(post.world.settings, "supabase_admin") as db:
        db.execute("delete from auth.users where email = %s", [email])  # of another test
        return Actor("authenticated", new_user(db, email, confirmed=confirmed))


def test_who_is_invited_gets_a_mail_signs_in_accepts_and_is_a_member(post: Post, admin: Actor) -> None:
    post.world.db.execute("update public.members set display_name = 'Ada' where user_id = %s", [admin.user_id])
    invitation = invite(post, admin)
    assert status(post, admin, invitation) == "waiting"
    assert post.run() == ["done"]
    (mail,) = post.provider.sent
    assert list(mail.to) == [NEW]
    assert mail.subject == "Invitation: Kestrel"
    assert f"{INBOX}/invitations/{invitation}" in str(mail.text)
    assert f'href="{INBOX}/invitations/{invitation}"' in str(mail.html)
    assert "Ada" in str(mail.text)
    assert status(post, admin, invitation) == "sent"
    unconfirmed = user(post, "other@people.example", confirmed=False)
    with not_there():
        as_(post, unconfirmed, "select public.accept_invitation(%s)", invitation)
    invited = user(post, NEW)
    as_(post, invited, "select public.accept_invitation(%s)", invitation)
    (mine,) = as_(post, invited, "select role::text from public.my_memberships()")
    assert mine["role"] == "agent"


def test_it_speaks_the_organizations_language(post: Post, admin: Actor) -> None:
    post.world.db.execute("update public.organizations set language = 'de'")
    invite(post, admin)
    post.run()
    assert post.provider.sent[0].subject == "Einladung: Kestrel"


def test_a_hostile_name_is_but_a_name(post: Post, admin: Actor) -> None:
    name = "A{0}\r\nBcc: eve@people.example\r\n\r\n<script>alert(1)</script>\u202e"
    post.world.db.execute("update public.organizations set name = %s", [name])
    invite(post, admin)
    assert post.run() == ["done"]
    (mail,) = post.provider.sent
    flat = "A{0} Bcc: eve@people.example <script>alert(1)</script>"
    assert mail.subject == f"Invitation: {flat}"
    assert list(mail.to) == [NEW]
    assert not mail.bcc
    assert not mail.cc
    assert "\nBcc" not in str(mail.text)
    assert "<script>" not in str(mail.html)
    assert "&lt;script&gt;" in str(mail.html)


@pytest.mark.parametrize(
    "becomes",
    [
        "delete from public.invitations",
        "update public.invitations set expires_at = now()",
        "update public.invitations set accepted_at = now()",
        "update public.members set role = 'agent' where role = 'admin'",
    ],
)
def test_what_cannot_be_accepted_any_more_is_not_mailed(post: Post, admin: Actor, becomes: str) -> None:
    invite(post, admin)
    post.world.db.execute(becomes.encode())
    assert post.run() == ["done"]
    assert post.provider.sent == []


def test_a_stored_mail_is_held_back_once_its_invitation_is_taken_back(post: Post, admin: Actor) -> None:
    post.provider.script = [refusal(429, "rate_limit_exceeded", retry_after="1")]
    invite(post, admin)
    assert post.run() == ["waiting"]
    post.world.db.execute("delete from public.invitations")
    post.world.db.execute("update private.jobs set run_at = now()")
    assert post.run() == ["done"]
    assert post.provider.sent == []
    assert [(m["status"], m["reason"]) for m in post.mails()] == [("suppressed", "the invitation is over")]


def test_without_an_address_to_send_from_the_invitation_stands_and_its_inviter_sees_why(
    post: Post, admin: Actor
) -> None:
    gone = invite(post, admin, "gone@people.example")
    post.world.db.execute("delete from public.mail_addresses")
    invitation = invite(post, admin)
    assert post.run() == ["done"]  # the one that was asked for before
    assert post.provider.sent == []
    assert [status(post, admin, each) for each in (gone, invitation)] == ["not_sent", "not_sent"]
    with pytest.raises(psycopg.DatabaseError, match="no address to send it from"):
        resend(post, admin, invitation)
    as_(post, user(post, NEW), "select public.accept_invitation(%s)", invitation)


def test_sent_again_it_is_the_same_invitation_and_the_latest_senders(post: Post, admin: Actor) -> None:
    invitation = invite(post, admin)
    post.run()
    with connect(post.world.settings, "supabase_admin") as db:
        other = new_member(db, post.world.organization, "admin")
    post.world.db.execute("update public.invitations set expires_at = now()")
    resend(post, other, invitation)
    resend(post, other, invitation)  # twice before it went out: one mail
    post.world.db.execute("delete from public.members where user_id = %s", [admin.user_id])
    post.run()
    assert [f"{INBOX}/invitations/{invitation}" in str(mail.text) for mail in post.provider.sent] == [True, True]
    as_(post, user(post, NEW), "select public.accept_invitation(%s)", invitation)
    with not_there():
        resend(post, other, invitation)


def test_nobody_is_pestered_with_invitations(post: Post, admin: Actor) -> None:
    for _ in range(5):
        invitation = invite(post, admin)
        post.run()
    assert len(post.provider.sent) == 3
    assert status(post, admin, invitation) == "suppressed"
    with pytest.raises(psycopg.DatabaseError, match="enough invitations"):
        resend(post, admin, invitation)
    elsewhere = invite(post, admin, "else@people.example")
    post.run()
    assert status(post, admin, elsewhere) == "sent"


def test_an_address_that_bounced_gets_no_second_one(post: Post, admin: Actor) -> None:
    invite(post, admin)
    post.run()
    post.world.db.execute("update public.outgoing_mails set delivery = 'bounced'")
    again = invite(post, admin)
    post.run()
    assert len(post.provider.sent) == 1
    assert status(post, admin, again) == "suppressed"


def test_invitations_mails_are_the_admins(post: Post, admin: Actor) -> None:
    invitation = invite(post, admin)
    post.run()
    seen = "select count(*) as found from public.outgoing_mails where kind = 'invitation'"
    assert as_(post, admin, seen) == [{"found": 1}]
    assert as_(post, post.world.agent, seen) == [{"found": 0}]
    with not_there():
        resend(post, post.world.agent, invitation)
    post.world.db.execute("update public.outgoing_mails set status = 'failed'")
    decide = "select public.resolve_outgoing_mail(id, 'send_again') from public.outgoing_mails"
    mail = post.mails()[0]["id"]
    with not_there():
        as_(post, post.world.agent, "select public.resolve_outgoing_mail(%s, 'send_again')", mail)
    as_(post, admin, decide)
    assert post.run() == ["done"]
    assert len(post.provider.sent) == 2
