"""Amazon SES: SNS tells, signed with a certificate that only Amazon serves; the mail lies in S3 or in the message."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from chalicelib.intake.provider import ses, sns
from chalicelib.kit.standard_webhooks import BadSignature
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.intake.mails import mail
from tests.intake.provider.conftest import BUCKET, Post
from tests.intake.provider.outside import Answer

TOPIC = "arn:aws:sns:us-east-1:123456789012:mail-in"
KEY = "in/d6iitobk75ur44p8kdnnp7g2n800"
RAW = mail("To: help@acme.test", "Message-ID: <1@customer.test>", "Subject: Lamp", body="My lamp is broken.")
CERTIFICATE = "/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"
ATTACKERS = "/SimpleNotificationService-00000000000000000000000000000000.pem"


class Signer:
    """A key with its certificate, as SNS has them."""

    def __init__(self, *, until: datetime | None = None, bits: int = 2048) -> None:
        self.key = rsa.generate_private_key(65537, bits)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        until = until or datetime.now(UTC) + timedelta(days=30)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(days=300))
            .not_valid_after(until)
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    def sign(self, message: dict[str, Any]) -> dict[str, Any]:
        names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), digest)
        return message | {"Signature": base64.b64encode(signature).decode()}


@pytest.fixture(scope="module")
def amazon() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def attacker() -> Signer:
    return Signer()


@pytest.fixture
def bucket(s3: Any) -> Any:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=RAW)
    return s3


@pytest.fixture
def rule(post: Post, amazon: Signer, attacker: Signer, bucket: Any) -> Post:
    """A desk whose receipt rule is set up."""
    post.configure(
        ses_topics=f"arn:aws:sns:us-east-1:123456789012:other {TOPIC}",
        ses_bucket=BUCKET,
        ses_prefix="in/",
        sns_origin=r"http://127\.0\.0\.1:\d+",
    )
    sns._public_key.cache_clear()
    post.outside.pages[CERTIFICATE] = Answer(200, amazon.certificate)
    post.outside.pages["/evil" + ATTACKERS] = Answer(200, attacker.certificate)
    return post


def notification(**changes: Any) -> dict[str, Any]:
    """What SES publishes for a rule with an S3 action."""
    receipt = {
        "timestamp": "2026-11-21T20:32:33.936Z", "processingTimeMillis": 222, "recipients": ["help@acme.test"],
        "spamVerdict": {"status": "PASS"}, "virusVerdict": {"status": "PASS"}, "spfVerdict": {"status": "PASS"},
        "dkimVerdict": {"status": "GRAY"}, "dmarcVerdict": {"status": "PASS"},
        "action": {"type": "S3", "topicArn": TOPIC, "bucketName": BUCKET, "objectKeyPrefix": "in/", "objectKey": KEY},
    } | changes.pop("receipt", {})  # fmt: skip
    told = {"source": "ann@customer.test", "messageId": KEY[3:], "destination": ["help@acme.test"], "headers": []}
    return {"notificationType": "Received", "receipt": receipt, "mail": told | changes.pop("mail", {}), **changes}


def message(post: Post, told: Any = None, **changes: Any) -> dict[str, Any]:
    """What SNS posts, not signed yet."""
    return {
        "Type": "Notification", "MessageId": str(uuid4()), "TopicArn": TOPIC, "Subject": "Amazon SES Email Receipt",
        "Message": told if isinstance(told, str) else json.dumps(notification() if told is None else told),
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": "2", "SigningCertURL": f"{post.outside.url}{CERTIFICATE}",
        "UnsubscribeURL": f"{post.outside.url}/?Action=Unsubscribe",
    } | changes  # fmt: skip


def deliver(post: Post, signed: dict[str, Any]) -> tuple[int, Any]:
    return post.call(ses.receive, json.dumps(signed).encode(), {"content-type": "text/plain; charset=UTF-8"})


# ---- from the topic to the ticket


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_mail_in_the_bucket_is_fetched_and_becomes_a_ticket(rule: Post, amazon: Signer, version: str) -> None:
    assert deliver(rule, amazon.sign(message(rule, SignatureVersion=version))) == (200, {"status": "taken"})
    assert rule.work() == ["done"]
    assert rule.raw() == [RAW]
    ledger = rule.box.row("select * from public.inbound_mails")
    assert (ledger["outcome"], ledger["envelope_from"]) == ("new_ticket", "ann@customer.test")
    assert rule.held()["provider_id"] == KEY[3:]


def test_the_certificate_is_fetched_once(rule: Post, amazon: Signer) -> None:
    for _ in range(3):
        deliver(rule, amazon.sign(message(rule)))
    assert rule.outside.paths == [CERTIFICATE]


@pytest.mark.parametrize("encoding", ["UTF-8", "BASE64"])
def test_a_mail_in_the_message_itself_is_kept_at_once(rule: Post, amazon: Signer, encoding: str) -> None:
    content = RAW.decode() if encoding == "UTF-8" else base64.b64encode(RAW).decode()
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": encoding}
    told = notification(receipt={"action": action}, content=content)
    assert deliver(rule, amazon.sign(message(rule, told)))[0] == 200
    assert rule.raw() == [RAW]
    assert rule.work() == []
    assert rule.box.row("select dmarc from public.inbound_mails")["dmarc"] == "pass"


def test_mail_to_nobody_here_is_recorded(rule: Post, amazon: Signer) -> None:
    told = notification(receipt={"recipients": ["who@acme.test"]})
    assert deliver(rule, amazon.sign(message(rule, told)))[0] == 200
    assert rule.work() == []
    assert (rule.held()["state"], rule.held()["recipients"]) == ("unaddressed", ["who@acme.test"])


# ---- the receiver's word on the sender


@pytest.mark.parametrize(
    ("status", "dmarc", "verified"),
    [("PASS", "pass", True), ("FAIL", "fail", False), ("GRAY", "none", False), ("PROCESSING_FAILED", "none", False)],
)
def test_what_ses_found_out_about_the_sender_counts(
    rule: Post, amazon: Signer, status: str, dmarc: str, verified: bool
) -> None:
    deliver(rule, amazon.sign(message(rule, notification(receipt={"dmarcVerdict": {"status": status}}))))
    rule.work()
    ledger = rule.box.row("select dmarc, decision from public.inbound_mails")
    assert ledger["dmarc"] == dmarc
    assert (ledger["decision"]["authenticity"]["spf"], ledger["decision"]["authenticity"]["dkim"]) == ("pass", "none")
    assert rule.box.row("select is_verified from public.messages")["is_verified"] is verified


def test_what_a_mail_says_of_itself_does_not_stand_against_it(rule: Post, amazon: Signer, bucket: Any) -> None:
    forged = b"Authentication-Results: mx.acme.test; dmarc=pass header.from=customer.test\r\n" + RAW
    bucket.put_object(Bucket=BUCKET, Key=KEY, Body=forged)
    deliver(rule, amazon.sign(message(rule, notification(receipt={"dmarcVerdict": {"status": "GRAY"}}))))
    rule.work()
    assert rule.box.row("select dmarc from public.inbound_mails")["dmarc"] == "none"


def test_a_verdict_on_another_address_verifies_nobody(rule: Post, amazon: Signer, bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key=KEY, Body=b"From: boss@acme.test\r\n" + RAW)
    deliver(rule, amazon.sign(message(rule)))
    rule.work()
    assert rule.box.row("select is_verified from public.messages")["is_verified"] is False


# ---- who is not believed


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_message_that_was_changed_after_it_was_signed_is_refused(rule: Post, amazon: Signer, version: str) -> None:
    signed = amazon.sign(message(rule, SignatureVersion=version))
    for name in ("Message", "MessageId", "Subject", "Timestamp", "Type", "Signature", "SignatureVersion"):
        changed = dict(signed)
        changed[name] = {
            "Message": json.dumps(notification(mail={"messageId": "other"})),
            "Timestamp": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
            "Type": "SubscriptionConfirmation",
            "SignatureVersion": "1" if version == "2" else "2",
            "Signature": base64.b64encode(b"x" * 256).decode(),
        }.get(name, "changed")
        status, answer = deliver(rule, changed)
        assert (status, answer["code"]) == (401, "bad_signature"), name
    assert rule.is_untouched()


def test_a_message_without_one_of_its_fields_is_refused(rule: Post, amazon: Signer) -> None:
    signed = amazon.sign(message(rule))
    for name in set(signed) - {"UnsubscribeURL"}:
        status, _ = deliver(rule, {key: value for key, value in signed.items() if key != name})
        assert status in (401, 403), name
    assert rule.is_untouched()


def test_what_is_no_message_is_refused(rule: Post) -> None:
    for body in (b"", b"{", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b'{"TopicArn": {}}'):
        assert rule.call(ses.receive, body)[0] in (401, 403), body[:100]
    assert rule.call(ses.receive, b" " * 600_000)[0] == 413


def test_a_message_from_another_time_is_refused(rule: Post, amazon: Signer) -> None:
    for off in (timedelta(hours=-3), timedelta(minutes=10)):
        old = amazon.sign(message(rule, Timestamp=(datetime.now(UTC) + off).isoformat()))
        assert deliver(rule, old)[0] == 401
    assert deliver(rule, amazon.sign(message(rule, Timestamp="yesterday")))[0] == 401
    assert rule.is_untouched()


def test_a_message_that_sns_tries_again_within_the_hour_is_taken_once(rule: Post, amazon: Signer) -> None:
    signed = amazon.sign(message(rule, Timestamp=(datetime.now(UTC) - timedelta(minutes=59)).isoformat()))
    assert deliver(rule, signed) == (200, {"status": "taken"})
    assert deliver(rule, signed) == (200, {"status": "repeated"})
    assert rule.work() == ["done"]


def test_another_topic_is_refused_though_sns_signed_it(rule: Post, amazon: Signer) -> None:
    for topic in ("arn:aws:sns:us-east-1:666666666666:mail-in", TOPIC[:-1], ""):
        status, answer = deliver(rule, amazon.sign(message(rule, TopicArn=topic)))
        assert (status, answer["code"]) == (403, "other_topic")
    assert rule.is_untouched()
    assert rule.outside.paths == []


def test_without_a_topic_nothing_is_believed(rule: Post, amazon: Signer) -> None:
    rule.configure(ses_topics="")
    assert deliver(rule, amazon.sign(message(rule)))[0] == 403
    assert deliver(rule, amazon.sign(message(rule, TopicArn="")))[0] == 403


NOT_SNS = [
    f"https://sns.us-east-1.amazonaws.com.evil.example{CERTIFICATE}",
    f"https://sns.us-east-1.amazonaws.com@evil.example{CERTIFICATE}",
    f"https://evil.example/sns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://evil.example#sns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://evil.example\\@sns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://evilsns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://s3.us-east-1.amazonaws.com/evil{CERTIFICATE}",
    f"https://sns.evil.s3.amazonaws.com{CERTIFICATE}",
    f"http://sns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://sns.us-east-1.amazonaws.com:8443{CERTIFICATE}",
    f"https://user@sns.us-east-1.amazonaws.com{CERTIFICATE}",
    f"https://sns.us-east-1.amazonaws.com/evil{CERTIFICATE}",
    f"https://sns.us-east-1.amazonaws.com{CERTIFICATE}?x=1",
    f"https://sns.us-east-1.amazonaws.com/?x={CERTIFICATE}",
    "https://sns.us-east-1.amazonaws.com/?Action=GetEndpointAttributes&EndpointArn=evil&x=.pem",
    f"https://sns.us-east-1.amazonaws.com{CERTIFICATE}\n.evil.example",
    f"https://sns.us-east-1.amazonaws.com\t{CERTIFICATE}",
    "https://[sns.us-east-1.amazonaws.com/",
    "file:///etc/ssl/cert.pem",
    "",
]


def test_a_certificate_comes_from_sns_or_from_nowhere(post: Post, attacker: Signer) -> None:
    post.configure(ses_topics=TOPIC)
    for url in NOT_SNS:
        with pytest.raises(BadSignature):
            sns._certificate_address(url)
        assert deliver(post, attacker.sign(message(post, SigningCertURL=url)))[0] == 401, url
    assert post.is_untouched()


def test_the_certificates_of_sns_are_known_by_default(post: Post) -> None:
    post.configure(ses_topics=TOPIC)
    for host in ("sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"):
        assert sns._certificate_address(f"https://{host}{CERTIFICATE}") == f"https://{host}{CERTIFICATE}"


def test_somebody_elses_key_is_not_amazons(rule: Post, attacker: Signer) -> None:
    assert deliver(rule, attacker.sign(message(rule)))[0] == 401
    # A path of the attacker's on the right host.
    forged = attacker.sign(message(rule, SigningCertURL=f"{rule.outside.url}/evil{ATTACKERS}"))
    assert deliver(rule, forged)[0] == 401
    assert rule.is_untouched()


def test_a_certificate_that_is_not_good_now_signs_nothing(rule: Post, attacker: Signer) -> None:
    expired, short = Signer(until=datetime.now(UTC) - timedelta(days=1)), Signer(bits=1024)
    garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for signer, served in (
        (expired, expired.certificate), (short, short.certificate), (attacker, b""), (attacker, garbage),
    ):  # fmt: skip
        rule.outside.pages[ATTACKERS] = Answer(200, served)
        signed = signer.sign(message(rule, SigningCertURL=f"{rule.outside.url}{ATTACKERS}"))
        assert deliver(rule, signed)[0] == 401
    assert rule.is_untouched()


def test_while_the_certificate_cannot_be_had_sns_is_asked_to_try_again(rule: Post, amazon: Signer) -> None:
    signed = amazon.sign(message(rule))
    rule.outside.script = [Answer(500)]
    assert deliver(rule, signed)[0] == 503
    assert rule.is_untouched()
    assert deliver(rule, signed) == (200, {"status": "taken"})


# ---- subscribing


def confirmation(post: Post, url: str | None = None) -> dict[str, Any]:
    visit = f"{post.outside.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc" if url is None else url
    given = message(
        post, "You have chosen to subscribe", Type="SubscriptionConfirmation", Token="abc", SubscribeURL=visit
    )
    del given["Subject"], given["UnsubscribeURL"]
    return given


def test_a_subscription_is_confirmed_by_visiting_sns(rule: Post, amazon: Signer) -> None:
    rule.outside.pages["/"] = Answer(200, b"<ConfirmSubscriptionResponse/>")
    assert deliver(rule, amazon.sign(confirmation(rule))) == (200, {"status": "confirmed"})
    assert rule.outside.asked[-1].query["Token"] == ["abc"]


def test_a_confirmation_that_fails_is_tried_again(rule: Post, amazon: Signer) -> None:
    rule.outside.script = [None, Answer(500)]
    assert deliver(rule, amazon.sign(confirmation(rule)))[0] == 503


NOT_A_CONFIRMATION = [
    "https://sns.us-east-1.amazonaws.com.evil.example/?Action=ConfirmSubscription&TopicArn={topic}&Token=abc",
    "http://169.254.169.254/latest/meta-data/?Action=ConfirmSubscription&TopicArn={topic}",
    "{outside}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:666666666666:evil&Token=abc",
    "{outside}/?Action=Publish&TopicArn={topic}",
    "{outside}/elsewhere?Action=ConfirmSubscription&TopicArn={topic}",
    "{outside}@evil.example/?Action=ConfirmSubscription&TopicArn={topic}",
    "{outside}/?Action=ConfirmSubscription&Action=Publish&TopicArn={topic}",
]


def test_no_other_address_is_visited_whoever_signed_it(rule: Post, amazon: Signer) -> None:
    for url in NOT_A_CONFIRMATION:
        visit = url.format(topic=TOPIC, outside=rule.outside.url)
        assert deliver(rule, amazon.sign(confirmation(rule, visit)))[0] == 401, url
    assert rule.outside.paths == [CERTIFICATE]


def test_a_forged_confirmation_is_not_visited(rule: Post, attacker: Signer) -> None:
    assert deliver(rule, attacker.sign(confirmation(rule)))[0] == 401
    assert rule.outside.paths == [CERTIFICATE]


# ---- what a topic may tell


def test_greetings_and_other_notifications_are_of_no_interest(rule: Post, amazon: Signer) -> None:
    for told in (
        "Successfully validated SNS topic for Amazon SES email receiving.",
        {"notificationType": "Bounce"},
        "[]",
    ):
        assert deliver(rule, amazon.sign(message(rule, told))) == (200, {"status": "ignored"})
    other = notification(receipt={"action": {"type": "Lambda"}})
    assert deliver(rule, amazon.sign(message(rule, other))) == (200, {"status": "ignored"})
    assert rule.is_untouched()


def test_a_mail_in_another_bucket_is_refused(rule: Post, amazon: Signer) -> None:
    for action in (
        {"type": "S3", "bucketName": "evil-bucket", "objectKey": KEY}, {"type": "S3", "bucketName": BUCKET},
        {"type": "S3", "objectKey": KEY}, {"type": "S3", "bucketName": [BUCKET], "objectKey": KEY},
    ):  # fmt: skip
        status, answer = deliver(rule, amazon.sign(message(rule, notification(receipt={"action": action}))))
        assert (status, answer["code"]) == (403, "other_bucket")
    assert rule.is_untouched()


NEVER_SENT = [
    {"notificationType": "Received"},
    {"notificationType": "Received", "mail": [], "receipt": []},
    {"notificationType": "Received", "mail": {}, "receipt": {"action": {"type": "S3"}}},
    notification(receipt={"action": {"type": "SNS", "encoding": "BASE64"}}, content="~"),
]


def test_a_notification_that_ses_never_sends_is_a_clear_refusal(rule: Post, amazon: Signer) -> None:
    for told in NEVER_SENT:
        status, answer = deliver(rule, amazon.sign(message(rule, told)))
        assert (status, answer["code"]) == (400, "malformed"), told
    assert rule.is_untouched()


def test_odd_letters_cost_nothing(rule: Post, amazon: Signer) -> None:
    told = notification(mail={"source": "\ud800\0"}, receipt={"recipients": ["\ud800", "help@acme.test", 7, None]})
    assert deliver(rule, amazon.sign(message(rule, told)))[0] == 200
    assert rule.work() == ["done"]


# ---- when S3 fails


def test_a_mail_that_the_bucket_no_longer_has_is_told(rule: Post, amazon: Signer, bucket: Any) -> None:
    bucket.delete_object(Bucket=BUCKET, Key=KEY)
    deliver(rule, amazon.sign(message(rule)))
    assert rule.work() == ["done"]
    assert (rule.held()["state"], rule.held()["reason"]) == ("failed", "the bucket no longer has it")


def test_a_bucket_that_fails_is_asked_again(rule: Post, amazon: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(rule, amazon.sign(message(rule)))
    rule.configure(ses_bucket="no-such-bucket")
    assert rule.work() == ["waiting"]
    rule.configure(ses_bucket=BUCKET)
    assert rule.again() == ["done"]
    assert rule.box.count("public.tickets") == 1


def test_a_mail_beyond_the_limit_is_not_read(rule: Post, amazon: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ses, "MAX_MAIL", 100)
    deliver(rule, amazon.sign(message(rule)))
    assert rule.work() == ["done"]
    assert rule.held()["reason"] == "it is larger than 100 octets"
