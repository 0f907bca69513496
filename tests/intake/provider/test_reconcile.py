"""What a provider's list has and the desk has not is brought, once, by the same consumer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from chalicelib.intake.provider.reconcile import reconcile

from pgdesk import cli
from tests.intake.mails import mail
from tests.intake.provider.conftest import BUCKET, Post
from tests.intake.provider.outside import Answer, Asked, as_json

HOUR = timedelta(hours=1)
Lister = Callable[..., str]


def raw_of(number: int, recipient: str) -> bytes:
    return mail(f"To: {recipient}", f"Message-ID: <{number}@customer.test>", "Subject: Lamp", body=f"question {number}")


# Each of these lets one provider have mails and returns its name. `mails` are recipients, newest last, an hour apart.


def at_resend(post: Post, *mails: str) -> str:
    post.configure(resend_api_key="re_test", resend_url=post.outside.url)
    told: list[dict[str, Any]] = []
    for number, recipient in enumerate(mails):
        when = datetime.now(UTC) - HOUR * (len(mails) - number)
        mail_id = f"56761188-7520-42d8-8898-{number:012d}"
        each = {
            "id": mail_id, "to": [recipient], "from": "ann@customer.test", "bcc": [], "cc": [], "subject": "Lamp",
            "created_at": when.isoformat(sep=" ").replace("+00:00", "+00"), "message_id": f"<{number}@customer.test>",
        }  # fmt: skip
        told.insert(0, each)
        place = {"download_url": f"{post.outside.url}/raw/{number}", "expires_at": "2026-11-22T00:00:00Z"}
        post.outside.pages[f"/emails/receiving/{mail_id}"] = as_json(each | {"received_for": [recipient], "raw": place})
        post.outside.pages[f"/raw/{number}"] = Answer(200, raw_of(number, recipient))

    def page(asked: Asked) -> Answer:
        ids = [each["id"] for each in told]
        begin = ids.index(asked.query["after"][0]) + 1 if "after" in asked.query else 0
        some = told[begin : begin + 2]  # a provider may give fewer than it is asked for
        return as_json({"object": "list", "has_more": begin + 2 < len(told), "data": some})

    post.outside.pages["/emails/receiving"] = page
    return "resend"


def at_mailgun(post: Post, *mails: str) -> str:
    post.configure(
        mailgun_api_key="key-test", mailgun_domain="acme.test", mailgun_url=post.outside.url,
        mailgun_stores=r"http://127\.0\.0\.1:\d+",
    )  # fmt: skip
    items: list[dict[str, Any]] = []
    for number, recipient in enumerate(mails):
        path = f"/v3/domains/acme.test/messages/key{number}"
        when = (datetime.now(UTC) - HOUR * (len(mails) - number)).timestamp()
        storage = {"url": post.outside.url + path, "key": f"key{number}"}
        items.append({"event": "stored", "timestamp": when, "storage": storage, "message": {"recipients": [recipient]}})
        told = {"body-mime": raw_of(number, recipient).decode(), "recipients": recipient}
        post.outside.pages[path] = as_json(told)

    def paged(some: list[dict[str, Any]], follow: str) -> Answer:
        return as_json({"items": some, "paging": {"next": f"{post.outside.url}/v3/acme.test/events/{follow}"}})

    def first(asked: Asked) -> Answer:
        assert asked.query["event"] == ["stored"]
        recent = [item for item in items if item["timestamp"] >= float(asked.query["begin"][0])]
        post.outside.pages["/v3/acme.test/events/second"] = paged(recent[2:], "end")
        return paged(recent[:2], "second")

    post.outside.pages["/v3/acme.test/events"] = first
    post.outside.pages["/v3/acme.test/events/end"] = paged([], "end")
    return "mailgun"


def at_ses(post: Post, s3: Any, *mails: str) -> str:
    post.configure(ses_bucket=BUCKET, ses_prefix="in/")
    s3.put_object(Bucket=BUCKET, Key="in/AMAZON_SES_SETUP_NOTIFICATION", Body=b"hello")
    s3.put_object(Bucket=BUCKET, Key="elsewhere/x", Body=b"no mail")
    for number, recipient in enumerate(mails):
        # Nobody but SES names the recipient.
        received = f"Received: from x by y with SMTP id {number} for {recipient}; Sat, 21 Nov 2026 20:00:00 +0000\r\n"
        s3.put_object(Bucket=BUCKET, Key=f"in/key{number}", Body=received.encode() + raw_of(number, "list@x.test"))
    return "ses"


@pytest.fixture
def lister(request: pytest.FixtureRequest) -> Lister:
    if request.param == "ses":
        s3 = request.getfixturevalue("s3")
        return lambda post, *mails: at_ses(post, s3, *mails)
    return at_resend if request.param == "resend" else at_mailgun


everywhere = pytest.mark.parametrize("lister", ["resend", "mailgun", "ses"], indirect=True)
DAY = timedelta(days=1)


def compare(provider: str, span: timedelta = DAY) -> dict[str, int]:
    row = reconcile(provider, datetime.now(UTC) - span).as_row()
    return {name: value for name, value in row.items() if name != "provider"}


@everywhere
def test_what_is_missing_is_brought_once(post: Post, lister: Lister) -> None:
    provider = lister(post, "help@acme.test", "help@other.test", "sales@acme.test")
    assert compare(provider) == {"found": 3, "missing": 3, "brought": 3, "unaddressed": 0}
    assert set(post.work()) == {"done"}
    assert post.box.count("public.tickets") == 3
    assert compare(provider) == {"found": 3, "missing": 0, "brought": 0, "unaddressed": 0}
    assert post.work() == []
    assert post.box.row("select sum(deliveries) as n from public.inbound_mails")["n"] == 3


@everywhere
def test_what_is_on_its_way_is_not_brought_twice(post: Post, lister: Lister) -> None:
    provider = lister(post, "help@acme.test")
    for _ in range(3):
        compare(provider)
    post.work()
    assert post.box.row("select deliveries from public.inbound_mails")["deliveries"] == 1


@everywhere
def test_mail_to_nobody_is_brought_once_its_address_is_somebodys(post: Post, lister: Lister) -> None:
    provider = lister(post, "new@acme.test")
    compare(provider)
    post.work()
    assert compare(provider)["unaddressed"] == 1
    assert post.work() == []
    post.box.admin.execute(
        "insert into public.mail_addresses (organization_id, address) values (%s, 'new@acme.test')", [post.box.acme]
    )
    assert compare(provider) == {"found": 1, "missing": 1, "brought": 1, "unaddressed": 0}
    post.work()
    assert post.box.count("public.tickets") == 1
    assert [
        row["state"] for row in post.box.admin.execute("select state::text as state from public.provider_mails")
    ] == ["kept"]


@everywhere
def test_what_failed_is_tried_again(post: Post, lister: Lister) -> None:
    provider = lister(post, "help@acme.test")
    compare(provider)
    post.work()
    post.box.admin.execute("update public.provider_mails set state = 'failed', reason = 'it was away'")
    assert compare(provider)["brought"] == 1
    assert set(post.work()) == {"done"}
    assert post.held()["state"] == "kept"


@pytest.mark.parametrize("lister", ["resend", "mailgun"], indirect=True)
def test_only_the_time_that_is_asked_for_is_looked_at(post: Post, lister: Lister) -> None:
    provider = lister(post, *["help@acme.test"] * 5)
    assert compare(provider, HOUR * 2.5)["found"] == 2


# ---- the command


@pytest.fixture
def command(post: Post, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    monkeypatch.setattr(cli, "load_dotenv", lambda: None)
    monkeypatch.setenv("PGDESK_DATA_FOLDER", str(post.settings.data))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pgdesk", "mail", "reconcile", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_the_command_tells_what_it_found_and_brought(post: Post, command: Callable[..., Any]) -> None:
    at_mailgun(post, "help@acme.test", "help@acme.test")
    code, out, _ = command("--json")
    assert (code, json.loads(out)) == (
        0,
        [{"provider": "mailgun", "found": 2, "missing": 2, "brought": 2, "unaddressed": 0}],
    )
    post.work()
    code, out, _ = command("--provider", "mailgun", "--since", "3d")
    assert code == 0
    assert [word for word in out.split() if word.isalnum()] == [
        "provider", "found", "missing", "brought", "unaddressed", "mailgun", "2", "0", "0", "0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--since", "yesterday"], "--since"),
        (["--provider", "gmail"], "gmail"),
        (["--provider", "ses"], "PGDESK_SES_BUCKET"),
        (["--provider", "mailgun"], "PGDESK_MAILGUN_DOMAIN"),
        (["--provider", "resend"], "resend does not tell"),
    ],
)
def test_what_is_wrong_is_one_line(post: Post, command: Callable[..., Any], words: list[str], names: str) -> None:
    post.configure(resend_url=f"{post.outside.url}/{uuid4()}", resend_api_key="re_test")
    code, _, err = command(*words)
    assert code == 1
    assert names in err
    assert len(err.splitlines()) == 1


def test_without_a_provider_the_command_says_where_to_begin(post: Post, command: Callable[..., Any]) -> None:
    code, out, _ = command()
    assert code == 0
    assert "docs/mail.md" in out
