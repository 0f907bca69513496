"""A mail that failed, or whose fate nobody can tell, is a person's to decide about."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from chalicelib.kit.settings import settings

from tests.email import webhooks
from tests.email.conftest import Post, refusal
from tests.people import Actor, act_as, connect, new_member, not_there


@pytest.fixture
def doubtful(post: Post) -> Post:
    """A mail that Resend took without telling, and cannot be asked about any more."""
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    post.provider.script = ["lost", refusal(401, "restricted_api_key")]
    assert post.run() == ["waiting"]
    post.world.db.execute("update public.outgoing_mails set attempted_at = now() - interval '1 day'")
    assert post.run() == ["done"]
    assert mail(post)["status"] == "unknown"
    return post


def mail(post: Post) -> dict[str, Any]:
    return post.mails()[0]


def resolve(post: Post, decision: str | None) -> str:
    row = post.world.as_agent("select public.resolve_outgoing_mail(%s, %s) as status", mail(post)["id"], decision)
    return str(row["status"])


def as_(post: Post, actor: Actor, query: str, *parameters: Any) -> Any:
    with connect(post.world.settings, "authenticator") as session, session.transaction():
        act_as(session, actor)
        return session.execute(query.encode(), parameters).fetchone()


def member(post: Post, role: str) -> Actor:
    with connect(post.world.settings, "supabase_admin") as people:
        return new_member(people, post.world.organization, role)


def test_a_mail_that_a_person_knows_was_sent_is_left_alone(doubtful: Post) -> None:
    assert resolve(doubtful, "was_sent") == "sent"
    assert mail(doubtful)["sent_at"] == mail(doubtful)["attempted_at"]
    assert doubtful.run() == []
    assert len(doubtful.provider.sent) == 1


def test_a_mail_that_a_person_wants_sent_again_goes_out_once_more_as_it_was_rendered(doubtful: Post) -> None:
    doubtful.world.db.execute("update public.organizations set name = 'Another Name'")
    assert resolve(doubtful, "send_again") == "stored"
    assert doubtful.run() == ["done"]
    first, second = doubtful.provider.sent
    assert (first.text, first.sender) == (second.text, second.sender)
    assert (mail(doubtful)["status"], mail(doubtful)["provider_id"]) == ("sent", second.id)
    assert doubtful.run() == []


def test_what_is_told_late_of_the_first_sending_does_not_take_the_place_of_the_second(
    doubtful: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_RESEND_EVENTS_SECRET", webhooks.RESEND_SECRET)
    settings.cache_clear()
    resolve(doubtful, "send_again")
    assert doubtful.run() == ["done"]
    first, second = doubtful.provider.sent
    answer = webhooks.resend("delivered", first.id, tags=first.tags, message_id=first.message_id)
    assert answer == (200, {"status": "noted"})
    assert (mail(doubtful)["provider_id"], mail(doubtful)["message_id_header"]) == (second.id, second.message_id)


def test_a_late_word_that_it_was_sent_comes_before_sending_it_again(
    doubtful: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_RESEND_EVENTS_SECRET", webhooks.RESEND_SECRET)
    settings.cache_clear()
    resolve(doubtful, "send_again")
    (first,) = doubtful.provider.sent
    webhooks.resend("sent", first.id, tags=first.tags)
    assert doubtful.run() == ["done"]
    assert doubtful.provider.sent == [first]


def test_a_mail_that_is_given_up_stays_as_a_record(doubtful: Post) -> None:
    assert resolve(doubtful, "give_up") == "given_up"
    assert mail(doubtful)["reason"]
    assert doubtful.run() == []


def test_a_refused_mail_can_be_sent_again_once_its_cause_is_mended(post: Post) -> None:
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    post.provider.script = [refusal(422, "validation_error")]
    assert post.run() == ["done"]
    assert resolve(post, "send_again") == "stored"
    assert post.run() == ["done"]
    assert len(post.provider.sent) == 1
    assert mail(post)["status"] == "sent"


def test_every_decision_is_told_and_audited(doubtful: Post) -> None:
    resolve(doubtful, "give_up")
    event = doubtful.world.one("select * from public.events where type = 'mail.resolved'")
    assert (event["subject_id"], event["data"]["decision"]) == (mail(doubtful)["id"], "give_up")
    assert event["actor_id"] == doubtful.world.agent.user_id
    logged = as_(
        doubtful, member(doubtful, "admin"), "select * from public.audit_log where table_name = 'outgoing_mails'"
    )
    assert logged["changes"] == {"status": ["unknown", "given_up"]}
    assert logged["actor_id"] == doubtful.world.agent.user_id


@pytest.mark.parametrize("decision", ["burn_it", "", None])
def test_only_the_three_decisions_are_taken(doubtful: Post, decision: str | None) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not a decision"):
        resolve(doubtful, decision)


def test_a_mail_about_which_nothing_is_open_cannot_be_decided_about(doubtful: Post) -> None:
    resolve(doubtful, "was_sent")
    with pytest.raises(psycopg.Error, match="the mail is sent: there is nothing to decide"):
        resolve(doubtful, "send_again")
    assert len(doubtful.provider.sent) == 1


def test_viewers_and_others_decide_nothing(doubtful: Post) -> None:
    stranger = Actor("authenticated", None)
    for actor in (member(doubtful, "viewer"), stranger):
        with not_there():
            as_(doubtful, actor, "select public.resolve_outgoing_mail(%s, 'was_sent')", mail(doubtful)["id"])
        with not_there():
            as_(doubtful, actor, "select public.unsuppress_contact(%s)", doubtful.world.contact)
    assert mail(doubtful)["status"] == "unknown"


def test_nothing_is_sent_again_to_an_address_that_bounced_until_an_agent_says_so(doubtful: Post) -> None:
    world = doubtful.world
    world.db.execute("update public.contacts set suppressed_at = now(), suppressed_because = 'it bounced'")
    with pytest.raises(psycopg.Error, match="bounced or complained"):
        resolve(doubtful, "send_again")
    assert world.as_agent("select public.unsuppress_contact(%s) as was", world.contact)["was"] is True
    assert world.as_agent("select public.unsuppress_contact(%s) as was", world.contact)["was"] is False
    logged = as_(doubtful, member(doubtful, "admin"), "select * from public.audit_log where table_name = 'contacts'"
                 " order by id desc limit 1")  # fmt: skip
    assert logged["changes"]["suppressed_at"][1] is None
    assert resolve(doubtful, "send_again") == "stored"


def test_a_corrected_address_begins_anew(post: Post) -> None:
    post.world.db.execute("update public.contacts set suppressed_at = now(), suppressed_because = 'it bounced'")
    post.world.as_agent("update public.contacts set email = 'right@customer.example' returning id")
    row = post.world.one("select * from public.contacts where id = %s", post.world.contact)
    assert (row["suppressed_at"], row["suppressed_because"]) == (None, None)
