"""What providers tell of our mail: believed if signed, once, in any order."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from chalicelib.kit import standard_webhooks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.email import webhooks
from tests.email.conftest import Post, refusal
from tests.email.webhooks import MAILGUN_SIGNING_KEY, RESEND_SECRET
from tests.replies.world import open_world

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def sent(post: Post, monkeypatch: pytest.MonkeyPatch) -> Post:
    """An answer that Resend has taken."""
    from chalicelib.kit.settings import settings as function_settings

    monkeypatch.setenv("PGDESK_RESEND_EVENTS_SECRET", f"{standard_webhooks.new_secret()} {RESEND_SECRET}")
    monkeypatch.setenv("PGDESK_MAILGUN_SIGNING_KEY", MAILGUN_SIGNING_KEY)
    function_settings.cache_clear()
    ticket = post.ticket()
    post.drop_receipts()
    post.reply(ticket)
    assert post.run() == ["done"]
    return post


def mail(post: Post) -> dict[str, Any]:
    return post.mails()[0]


def insert_mail(post: Post, provider: str = "resend") -> dict[str, Any]:
    """A mail that was sent already."""
    return post.world.one(
        "insert into public.outgoing_mails (organization_id, ticket_id, kind, is_automatic, contact_id, to_address,"
        " from_address, reply_to, subject, body_text, body_html, status, provider, provider_id)"
        " select organization_id, id, 'reply', false, contact_id, (select email from public.contacts where id ="
        " contact_id), 's@kestrel.example', 's@kestrel.example', 'Re', 'x', 'x', 'sent', %s, gen_random_uuid()"
        " from public.tickets limit 1 returning *",
        provider,
    )


def contact(post: Post) -> dict[str, Any]:
    return post.world.one("select * from public.contacts where id = %s", post.world.contact)


def heard(post: Post, kind: str) -> list[dict[str, Any]]:
    return post.world.all("select * from public.events where type = %s order by seq", kind)


def test_a_delivered_mail_says_when_and_members_read_it(sent: Post) -> None:
    told = mail(sent)
    assert webhooks.resend("delivered", told["provider_id"]) == (200, {"status": "noted"})
    kept = mail(sent)
    assert (kept["delivery"], kept["delivered_at"]) == ("delivered", datetime(2026, 11, 20, 10, tzinfo=UTC))
    event = sent.world.as_agent("select * from public.mail_events")
    assert (event["type"], event["outgoing_mail_id"]) == ("delivered", told["id"])
    seen = sent.world.as_agent("select delivery, delivered_at from public.outgoing_mails")
    assert seen["delivery"] == "delivered"


@pytest.mark.parametrize("damage", ["body", "secret", "time", "missing"])
def test_what_is_not_signed_is_not_believed(sent: Post, damage: str) -> None:
    body = json.dumps({"type": "email.bounced", "data": {"email_id": mail(sent)["provider_id"]}}).encode()
    secret = standard_webhooks.new_secret() if damage == "secret" else RESEND_SECRET
    signed = standard_webhooks.headers([secret], "msg_1", int(time.time()) - 301 * (damage == "time"), body)
    headers = {} if damage == "missing" else {name.replace("-", "_"): value for name, value in signed.items()}
    status, answer = webhooks.put(webhooks.RESEND, body + b" " * (damage == "body"), **headers)
    assert (status, answer["code"]) == (401, "bad_signature")
    assert sent.world.all("select * from public.mail_events") == []


def test_without_a_secret_nobody_is_believed(sent: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.kit.settings import settings as function_settings

    monkeypatch.delenv("PGDESK_RESEND_EVENTS_SECRET")
    monkeypatch.delenv("PGDESK_MAILGUN_SIGNING_KEY")
    function_settings.cache_clear()
    assert webhooks.resend("delivered", mail(sent)["provider_id"])[0] == 401
    assert webhooks.mailgun({}, webhooks.mailgun_signature(""))[0] == 401


def test_a_repeated_event_counts_once(sent: Post) -> None:
    provider_id = mail(sent)["provider_id"]
    assert webhooks.resend("bounced", provider_id, webhook_id="msg_1", bounce=BOUNCE)[1]["status"] == "noted"
    assert webhooks.resend("bounced", provider_id, webhook_id="msg_1", bounce=BOUNCE)[1]["status"] == "repeated"
    assert len(sent.world.all("select * from public.mail_events")) == 1
    assert len(heard(sent, "mail.bounced")) == 1


BOUNCE = {"type": "Permanent", "subType": "General", "message": "550 5.1.1 <ann@customer.example> no such user"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "sent": ("sent", {}),
    "delayed": ("delivery_delayed", {}),
    "delivered": ("delivered", {}),
    "opened": ("opened", {}),
    "clicked": ("clicked", {"click": {"link": "https://kestrel.example/a?token=b"}}),
    "soft_bounced": ("bounced", {"bounce": {"type": "Transient", "subType": "MailboxFull", "message": "full"}}),
    "suppressed": ("suppressed", {"suppressed": {"type": "OnAccountSuppressionList", "message": "on the list"}}),
    "failed": ("failed", {"failed": {"reason": "reached_daily_quota"}}),
    "bounced": ("bounced", {"bounce": BOUNCE}),
    "complained": ("complained", {}),
}
STRENGTH = ["sent", "delayed", "soft_bounced", "delivered", "suppressed", "failed", "bounced", "complained"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_in_which_events_come_changes_nothing(sent: Post, data: st.DataObject) -> None:
    happened = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))
    events = [(f"msg_{n}", kind, NOON + timedelta(minutes=n)) for n, kind in enumerate(happened)]
    orders = [events, data.draw(st.permutations(events + events[:2]))]
    outcomes = []
    for order in orders:
        provider_id = insert_mail(sent)["provider_id"]
        for webhook_id, kind, at in order:
            name, more = KINDS[kind]
            status, _ = webhooks.resend(
                name, provider_id, webhook_id=f"{provider_id}_{webhook_id}", at=at.isoformat(), **more
            )
            assert status == 200
        columns = "delivery, delivered_at, bounced_at, complained_at, opened_at, clicked_at"
        outcomes.append(
            sent.world.one(f"select {columns} from public.outgoing_mails where provider_id = %s", provider_id)
            | {"suppressed": contact(sent)["suppressed_at"] is not None}
        )
        sent.world.db.execute("update public.contacts set suppressed_at = null, suppressed_because = null")
    assert outcomes[0] == outcomes[1]
    words = ["delivered" if kind in ("opened", "clicked") else kind for kind in happened]
    assert outcomes[0]["delivery"] == max(words, key=STRENGTH.index)
    assert outcomes[0]["suppressed"] == bool({"bounced", "complained"} & set(happened))


def test_an_event_that_comes_before_the_sending_was_noted_finds_its_mail_and_settles_the_doubt(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.kit.settings import settings as function_settings

    monkeypatch.setenv("PGDESK_RESEND_EVENTS_SECRET", RESEND_SECRET)
    function_settings.cache_clear()
    ticket = post.ticket()
    post.drop_receipts()
    message = post.reply(ticket)
    post.provider.script = ["lost"]
    assert post.run() == ["waiting"]
    (taken,) = post.provider.sent
    answer = webhooks.resend("sent", taken.id, tags=taken.tags, message_id=taken.message_id)
    assert answer == (200, {"status": "noted"})
    kept = mail(post)
    assert (kept["status"], kept["provider_id"], kept["message_id_header"]) == ("sent", taken.id, taken.message_id)
    assert kept["delivery"] == "sent"
    row = post.world.one("select message_id_header from public.messages where id = %s", message)
    assert row["message_id_header"] == taken.message_id
    assert post.run() == ["done"]
    assert [method for method, _ in post.provider.requests] == ["POST"]


def test_a_message_id_that_was_not_told_at_sending_is_learned_from_an_event(sent: Post) -> None:
    told = mail(sent)
    sent.world.db.execute("update public.outgoing_mails set message_id_header = null")
    sent.world.db.execute("update public.messages set message_id_header = null where id = %s", [told["message_id"]])
    webhooks.resend("delivered", told["provider_id"], message_id="<1@eu-west-1.amazonses.com>\r\nBcc: x")
    assert mail(sent)["message_id_header"] is None
    webhooks.resend("opened", told["provider_id"], message_id="<1@eu-west-1.amazonses.com>")
    assert mail(sent)["message_id_header"] == "<1@eu-west-1.amazonses.com>"
    found = sent.world.one(
        "select ticket_id from private.tickets_by_message_id(%s, %s)",
        sent.world.organization, ["<1@eu-west-1.amazonses.com>"],
    )  # fmt: skip
    assert found["ticket_id"] == told["ticket_id"]


def test_an_event_about_a_mail_of_nobody_here_is_taken_and_forgotten(sent: Post) -> None:
    assert webhooks.resend("delivered", "of-another-program") == (200, {"status": "unmatched"})
    assert webhooks.resend("scheduled", mail(sent)["provider_id"]) == (200, {"status": "ignored"})
    assert sent.world.all("select * from public.mail_events") == []


def test_after_a_hard_bounce_nothing_is_sent_to_the_address_any_more(sent: Post) -> None:
    webhooks.resend("bounced", mail(sent)["provider_id"], bounce=BOUNCE)
    assert contact(sent)["suppressed_because"] == "mail to this address bounced"
    (event,) = heard(sent, "mail.bounced")
    assert (event["subject_id"], event["data"]["bounce"]) == (mail(sent)["id"], "hard")
    assert event["ticket_id"] == mail(sent)["ticket_id"]
    sent.reply(mail(sent)["ticket_id"], "Once more.")
    assert sent.run() == ["done"]
    assert sent.mails()[1]["status"] == "suppressed"
    assert len(heard(sent, "mail.suppressed")) == 1
    assert len(sent.provider.sent) == 1


def test_neither_is_what_was_waiting_to_be_sent_by_then(sent: Post) -> None:
    sent.reply(mail(sent)["ticket_id"], "Once more.")
    sent.provider.script = [refusal(429, "rate_limit_exceeded")]
    assert sent.run() == ["waiting"]
    webhooks.resend("bounced", mail(sent)["provider_id"], bounce=BOUNCE)
    assert sent.run() == ["done"]
    assert sent.mails()[1]["status"] == "suppressed"
    assert len(heard(sent, "mail.suppressed")) == 1
    assert len(sent.provider.sent) == 1


def test_a_complaint_stops_mail_and_a_soft_bounce_never_does(sent: Post) -> None:
    provider_id = mail(sent)["provider_id"]
    webhooks.resend("bounced", provider_id, bounce={"type": "Transient", "subType": "General", "message": "busy"})
    assert contact(sent)["suppressed_at"] is None
    assert heard(sent, "mail.bounced")[0]["data"]["bounce"] == "soft"
    webhooks.resend("complained", provider_id)
    assert contact(sent)["suppressed_because"] == "the recipient complained"
    assert len(heard(sent, "mail.complained")) == 1


def test_what_a_provider_holds_back_because_of_its_own_list_is_told_and_blames_nobody(sent: Post) -> None:
    """Its list is one for all organizations: what another's mail did there must not count here."""
    bounce = BOUNCE | {"subType": "OnAccountSuppressionList"}
    webhooks.resend("bounced", mail(sent)["provider_id"], bounce=bounce)
    assert mail(sent)["delivery"] == "suppressed"
    assert contact(sent)["suppressed_at"] is None
    assert len(heard(sent, "mail.suppressed")) == 1


def test_one_organizations_bounce_is_none_of_anothers(sent: Post) -> None:
    address = contact(sent)["email"]
    with open_world(sent.world.settings, "heron") as heron:
        heron.db.execute("update public.contacts set email = %s where id = %s", [address, heron.contact])
        webhooks.resend("bounced", mail(sent)["provider_id"], bounce=BOUNCE)
        theirs = heron.one("select * from public.contacts where id = %s", heron.contact)
        assert theirs["suppressed_at"] is None
        organizations = {row["organization_id"] for row in heron.all("select organization_id from public.mail_events")}
        assert organizations == {sent.world.organization}
        assert heron.as_agent("select count(*) from public.mail_events")["count"] == 0


def test_a_bounce_of_an_address_that_the_contact_has_left_does_not_stop_the_new_one(sent: Post) -> None:
    sent.world.db.execute("update public.contacts set email = 'new@customer.example'")
    webhooks.resend("bounced", mail(sent)["provider_id"], bounce=BOUNCE)
    assert contact(sent)["suppressed_at"] is None
    assert mail(sent)["delivery"] == "bounced"


def test_what_servers_say_is_kept_without_addresses_and_links_without_their_query(sent: Post) -> None:
    provider_id = mail(sent)["provider_id"]
    webhooks.resend("bounced", provider_id, bounce=BOUNCE)
    webhooks.resend("clicked", provider_id, **KINDS["clicked"][1])
    details = [row["detail"] for row in sent.world.all("select detail from public.mail_events order by id")]
    assert details == [
        {"reason": "550 5.1.1 … no such user", "code": "General"}, {"link": "https://kestrel.example/a"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "more", "delivery", "suppresses"),
    [
        ("accepted", {}, "sent", False),
        ("delivered", {}, "delivered", False),
        ("opened", {}, "delivered", False),
        ("clicked", {"url": "https://kestrel.example/a"}, "delivered", False),
        ("complained", {}, "complained", True),
        ("rejected", {"reject": {"reason": "virus"}}, "failed", False),
        ("failed", {"severity": "temporary", "reason": "greylisted"}, "delayed", False),
        ("failed", {"severity": "permanent", "reason": "bounce", "delivery-status": {"bounce-type": "hard"}},
         "bounced", True),
        ("failed", {"severity": "permanent", "reason": "bounce", "delivery-status": {"bounce-type": "soft"}},
         "soft_bounced", False),
        ("failed", {"severity": "permanent", "reason": "old", "delivery-status": {"code": 602}}, "soft_bounced", False),
        ("failed", {"severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605}},
         "suppressed", False),
    ],
)  # fmt: skip
def test_mailguns_words_mean_the_same(
    sent: Post, event: str, more: dict[str, Any], delivery: str, suppresses: bool
) -> None:
    kept = insert_mail(sent, "mailgun")
    assert webhooks.mailgun(mailgun_event(event, kept["provider_id"], **more)) == (200, {"status": "noted"})
    row = sent.world.one("select delivery from public.outgoing_mails where id = %s", kept["id"])
    assert row["delivery"] == delivery
    assert (contact(sent)["suppressed_at"] is not None) == suppresses


def mailgun_event(event: str, provider_id: str, own_id: UUID | None = None, **more: Any) -> dict[str, Any]:
    return {
        "event": event, "id": "Ase7i2zsRYeDXztHGENqRA", "timestamp": 1770146431.65, "recipient": "ann@customer.example",
        "message": {"headers": {"message-id": provider_id, "to": "ann@customer.example"}},
        "user-variables": {"outgoing_mail": str(own_id)} if own_id else [], **more,
    }  # fmt: skip


def test_a_token_of_mailguns_counts_once_whatever_is_sent_beside_it(sent: Post) -> None:
    kept = insert_mail(sent, "mailgun")
    signature = webhooks.mailgun_signature()
    assert webhooks.mailgun(mailgun_event("delivered", kept["provider_id"]), signature)[1]["status"] == "noted"
    forged = mailgun_event("complained", kept["provider_id"]) | {"id": "another"}
    assert webhooks.mailgun(forged, signature)[1]["status"] == "repeated"
    assert contact(sent)["suppressed_at"] is None


def test_what_mailgun_could_not_deliver_for_hours_is_still_believed_and_not_for_days(sent: Post) -> None:
    event = mailgun_event("delivered", insert_mail(sent, "mailgun")["provider_id"])
    assert webhooks.mailgun(event, webhooks.mailgun_signature(age=86400))[0] == 401
    assert webhooks.mailgun(event, webhooks.mailgun_signature(age=-600))[0] == 401
    assert webhooks.mailgun(event, webhooks.mailgun_signature(age=8 * 3600)) == (200, {"status": "noted"})


def test_an_event_of_mailguns_that_comes_twice_counts_once(sent: Post) -> None:
    kept = insert_mail(sent, "mailgun")
    event = mailgun_event("delivered", "without-the-id-we-know", kept["id"])
    assert [webhooks.mailgun(event)[1]["status"] for _ in range(2)] == ["noted", "repeated"]


def test_half_of_a_letter_in_an_id_is_refused(sent: Post) -> None:
    body = b'{"type": "email.sent", "created_at": "2026-11-20T10:00:00Z", "data": {"email_id": "\\ud800"}}'
    assert webhooks.resend_body(body)[0] == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"[" * 100_000, b'{"signature": 7}', b'{"event-data": {}}', b"\xff"]
)
def test_a_body_that_is_none_of_mailguns_is_refused(sent: Post, body: bytes) -> None:
    assert webhooks.put(webhooks.MAILGUN, body)[0] in (400, 401)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_signed_webhook_holds_it_gets_an_answer_that_names_what_is_wrong(
    sent: Post, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["email.bounced", "email.clicked", "email.failed", "email.sent"]))
    names = ("email_id", "tags", "bounce", "click", "failed", "message_id")
    told = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, ANYTHING)))
    at = data.draw(ANYTHING | st.just("2026-11-20T10:00:00Z"))
    status, answer = webhooks.resend_body(json.dumps({"type": kind, "created_at": at, "data": told}).encode())
    assert status in (200, 400)
    assert status == 200 or answer["code"] == "malformed"
    event = data.draw(st.sampled_from(["failed", "delivered", "clicked", "rejected"]))
    parts = ("id", "timestamp", "message", "delivery-status", "reason", "user-variables", "reject", "url", "severity")
    given_data = data.draw(st.fixed_dictionaries({"event": st.just(event)}, optional=dict.fromkeys(parts, ANYTHING)))
    assert webhooks.mailgun(given_data)[0] in (200, 400)
