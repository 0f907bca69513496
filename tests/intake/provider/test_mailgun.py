"""Mailgun: a route posts the mail, or tells where it is stored; what is signed is a token beside it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes, urlencode
from uuid import uuid4

import pytest
from chalicelib.intake.provider import mailgun

from tests.intake.mails import mail
from tests.intake.provider.conftest import Post
from tests.intake.provider.outside import Answer, as_json

KEY, API_KEY = "signing-key-of-a-test", "key-test"
URLENCODED = "application/x-www-form-urlencoded"
STORED = "/v3/domains/acme.test/messages/BAABAAVO9zxG-_LACg9CX=="
# Every octet there is, but line ends that a mail has no use for.
RAW = mail(
    "To: help@acme.test", "Message-ID: <1@customer.test>", "Subject: Lamp",
    body=bytes(octet for octet in range(1, 256) if octet not in b"\r\n"),
)  # fmt: skip


@pytest.fixture
def routes(post: Post) -> Post:
    post.configure(
        mailgun_signing_key=KEY,
        mailgun_api_key=API_KEY,
        mailgun_url=post.outside.url,
        mailgun_stores=r"http://127\.0\.0\.1:\d+",
    )
    return post


def signed(at: float | None = None, token: str | None = None, key: str = KEY) -> dict[str, str]:
    stamp, token = str(int(time.time() if at is None else at)), token or f"{uuid4().hex}{uuid4().hex[:18]}"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": stamp, "token": token, "signature": signature}


def urlencoded(values: dict[str, str | bytes]) -> bytes:
    pairs = {name: value if isinstance(value, bytes) else value.encode() for name, value in values.items()}
    return b"&".join(f"{name}={quote_from_bytes(value, safe='')}".encode() for name, value in pairs.items())


def multipart(values: dict[str, str | bytes], boundary: str = "xYzZY") -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + (value if isinstance(value, bytes) else value.encode())
        + b"\r\n"
        for name, value in values.items()
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def forward(post: Post, signature: dict[str, str] | None = None, **fields: Any) -> tuple[int, Any]:
    """A route forwards a mail to an address that ends in mime."""
    given: dict[str, str | bytes] = {"recipient": "help@acme.test", "sender": "ann@customer.test", "body-mime": RAW}
    body = urlencoded({**given, **(signed() if signature is None else signature), **fields})
    return post.call(mailgun.receive, body, {"content-type": URLENCODED})


def notify(
    post: Post, signature: dict[str, str] | None = None, url: str | None = None, recipient: str = "help@acme.test"
) -> tuple[int, Any]:
    """A route has stored a mail."""
    given = {"recipient": recipient, "sender": "ann@customer.test", "subject": "Lamp", "body-plain": "…"}
    locator = f"{post.outside.url}{STORED}" if url is None else url
    body = urlencoded({**given, "message-url": locator, **(signed() if signature is None else signature)})
    return post.call(mailgun.receive, body, {"content-type": f"{URLENCODED}; charset=utf-8"})


def store(post: Post, raw: str = RAW.decode("utf-8", "replace")) -> None:
    post.outside.pages[STORED] = as_json({"body-mime": raw, "recipients": "help@acme.test", "sender": "ann@x.test"})


# ---- a mail that is posted


def test_a_posted_mail_is_kept_at_once_byte_for_byte(routes: Post) -> None:
    assert forward(routes) == (200, {"status": "taken"})
    assert routes.raw() == [RAW]
    assert routes.work() == []
    ledger = routes.box.row("select * from public.inbound_mails")
    assert (ledger["outcome"], ledger["envelope_from"]) == ("new_ticket", "ann@customer.test")
    assert routes.held()["inbound_mail_id"] == ledger["id"]


def test_a_form_in_parts_is_read_as_well(routes: Post) -> None:
    values: dict[str, str | bytes] = {"recipient": "help@acme.test", "body-mime": RAW, **signed()}
    kind = 'multipart/form-data; boundary="xYzZY"'
    assert routes.call(mailgun.receive, multipart(values), {"content-type": kind})[0] == 200
    assert routes.raw() == [RAW]


def test_a_mail_posted_for_several_recipients_is_one_in_each_organization(routes: Post) -> None:
    assert forward(routes, recipient="help@acme.test,sales@acme.test, help@other.test")[0] == 200
    routes.work()
    found = routes.box.admin.execute("select recipients from public.inbound_mails order by 1").fetchall()
    assert [row["recipients"] for row in found] == [["help@acme.test", "sales@acme.test"], ["help@other.test"]]


def test_a_token_is_believed_once(routes: Post) -> None:
    signature = signed()
    assert forward(routes, signature)[1] == {"status": "taken"}
    assert forward(routes, signature, **{"body-mime": mail(body="another")}) == (200, {"status": "repeated"})
    assert routes.raw() == [RAW]


def test_a_post_that_could_not_be_committed_leaves_its_token_unused(
    routes: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg
    from chalicelib.intake.keep import keep
    from chalicelib.intake.provider import held

    signature = signed()

    def dies(*_: Any) -> Any:
        raise psycopg.OperationalError("the server closed the connection")

    monkeypatch.setattr(held, "keep", dies)
    with pytest.raises(psycopg.OperationalError):
        forward(routes, signature)
    assert routes.is_untouched()
    monkeypatch.setattr(held, "keep", keep)
    assert forward(routes, signature)[1] == {"status": "taken"}


def test_mail_to_nobody_here_is_recorded(routes: Post) -> None:
    assert forward(routes, recipient="who@acme.test")[0] == 200
    held = routes.held()
    assert (held["state"], held["recipients"], held["organization_id"]) == ("unaddressed", ["who@acme.test"], None)


# ---- a mail that is stored


def test_a_stored_mail_is_fetched_with_our_key_and_becomes_a_ticket(routes: Post) -> None:
    store(routes, RAW.decode("utf-8", "surrogateescape"))
    assert notify(routes) == (200, {"status": "taken"})
    assert routes.work() == ["done"]
    assert routes.raw() == [RAW]
    asked = routes.outside.asked[0]
    assert asked.headers["accept"] == "message/rfc2822"
    assert asked.headers["authorization"].startswith("Basic ")
    assert routes.held()["provider_id"] == STORED.rpartition("/")[2]


def test_notices_of_one_stored_mail_for_two_recipients_make_one_mail(routes: Post) -> None:
    store(routes)
    notify(routes)
    notify(routes, recipient="sales@acme.test")
    assert routes.work() == ["done"]
    assert routes.box.count("public.tickets") == 1
    assert sorted(routes.box.row("select recipients from public.inbound_mails")["recipients"]) == [
        "help@acme.test",
        "sales@acme.test",
    ]


def test_a_notice_is_believed_for_as_long_as_mailgun_repeats_it(routes: Post) -> None:
    store(routes)
    assert notify(routes, signed(time.time() - 8 * 3600))[0] == 200
    assert routes.work() == ["done"]
    assert notify(routes, signed(time.time() - 10 * 3600))[0] == 401
    assert notify(routes, signed(time.time() + 600))[0] == 401


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, b"oops"), Answer(429, b"", {"retry-after": "9"}), Answer(401, b"Forbidden"), Answer(hang=True),
        Answer(200, b'{"body-mime": "From', {"content-type": "application/json"}), Answer(200, b"[]"),
        Answer(200, b'{"body-mime": "' + b"x" * 1000 + b'"}', cut=True),
        Answer(301, headers={"location": "https://evil.example/"}),
    ],
    ids=["500", "429", "401", "silence", "garbage", "a list", "half a body", "redirect"],
)  # fmt: skip
def test_a_store_that_fails_is_asked_again(routes: Post, impatient: Callable[[], None], answer: Answer) -> None:
    impatient()
    store(routes)
    notify(routes)
    routes.outside.script = [answer]
    assert routes.work() == ["waiting"]
    assert routes.again() == ["done"]
    assert routes.box.count("public.tickets") == 1


def test_a_mail_that_mailgun_has_forgotten_is_told(routes: Post) -> None:
    notify(routes)
    assert routes.work() == ["done"]
    assert (routes.held()["state"], routes.held()["reason"]) == ("failed", "the provider no longer has it")


NOT_MAILGUN = [
    "https://evil.example/v3/domains/acme.test/messages/key",
    "https://api.mailgun.net.evil.example/v3/domains/acme.test/messages/key",
    "https://api.mailgun.net@evil.example/v3/domains/acme.test/messages/key",
    "https://evil.example#.api.mailgun.net/v3/domains/acme.test/messages/key",
    "https://evil.example\\.api.mailgun.net/v3/domains/acme.test/messages/key",
    "http://api.mailgun.net/v3/domains/acme.test/messages/key",
    "https://api.mailgun.net:444/v3/domains/acme.test/messages/key",
    "https://api.mailgun.net/v3/domains/acme.test/messages/../../../keys",
    "https://api.mailgun.net/v3/domains/acme.test/messages/key?x=1",
    "https://api.mailgun.net/v3/domains/acme.test/messages/a%2Fb",
    "https://api.mailgun.net/v3/lists",
    "file:///etc/passwd",
    "http://[::1/v3/domains/acme.test/messages/key",
    "x",
]


def test_our_key_is_shown_to_nobody_but_mailgun(post: Post) -> None:
    post.configure(mailgun_signing_key=KEY, mailgun_api_key=API_KEY)
    for url in NOT_MAILGUN:
        status, answer = notify(post, url=url)
        assert (status, answer["code"]) == (400, "malformed"), url
    assert post.is_untouched()


def test_mailguns_stores_are_known_by_default(post: Post) -> None:
    post.configure(mailgun_signing_key=KEY)
    for host in ("api", "storage-us-east4.api", "storage-europe-west1.api", "se.api", "api.eu"):
        assert notify(post, url=f"https://{host}.mailgun.net{STORED}")[0] == 200, host


# ---- who is not believed


def test_a_forged_post_is_refused_and_leaves_nothing(routes: Post) -> None:
    for forged in (
        signed(key="another"), signed(key=""), {}, {**signed(), "signature": "0" * 64}, {**signed(), "token": "a" * 50},
        signed() | {"timestamp": str(int(time.time()) - 1)},
    ):  # fmt: skip
        status, answer = forward(routes, forged)
        assert (status, answer["code"]) == (401, "bad_signature")
        assert notify(routes, forged)[0] == 401
    assert routes.is_untouched()


def test_what_a_form_brings_itself_is_believed_for_five_minutes(routes: Post) -> None:
    for ago in (302, 3600, -400):
        assert forward(routes, signed(time.time() - ago))[0] == 401, ago
    assert routes.is_untouched()


def test_without_a_key_nobody_is_believed(post: Post) -> None:
    post.configure(mailgun_signing_key="")
    assert forward(post, signed(key=""))[0] == 401


NO_FORM = [
    ("application/json", b"{}"),
    ("", b""),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=" + "b" * 201, b"x"),
    ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\nv\r\n"),
    ("multipart/form-data; boundary=b", b"--b\r\n\r\nv\r\n--b--"),
    ("multipart/form-data; boundary=b", b"--b\r\nx\r\n" * 400 + b"--b--"),
    (URLENCODED, b"a=1&" * 400),
]


def test_what_is_no_form_is_a_clear_refusal(routes: Post) -> None:
    for kind, body in NO_FORM:
        status, answer = routes.call(mailgun.receive, body, {"content-type": kind})
        assert (status, answer["code"]) == (400, "malformed"), kind


def test_a_signed_form_without_a_mail_says_how_the_route_should_be(routes: Post) -> None:
    status, answer = forward(routes, None, **{"body-mime": ""})
    assert (status, answer["code"]) == (400, "malformed")
    assert "/mime" in answer["hint"]
    assert routes.is_untouched()


def test_odd_fields_cost_nothing(routes: Post) -> None:
    body = urlencode(signed()).encode() + b"&recipient=%00%ff&recipient=help%40acme.test&body-mime=%00&&=&%"
    assert routes.call(mailgun.receive, body, {"content-type": URLENCODED})[0] == 200
    assert routes.held()["state"] == "unaddressed"


def test_a_stored_mail_may_name_more_recipients(routes: Post) -> None:
    routes.outside.pages[STORED] = as_json(
        {"body-mime": RAW.decode("latin-1"), "recipients": "help@acme.test, help@other.test"}
    )
    notify(routes)
    routes.work()
    assert routes.box.count("public.tickets") == 2
