"""Mail too large for one request comes by reference: uploaded to Storage, handed in, fetched, and cleared away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chalicelib.intake import route
from chalicelib.intake.provider import upload
from chalicelib.kit import storage
from chalicelib.kit.settings import settings

from infra.local.settings import Settings
from pgdesk.mail import by_reference
from tests.intake.mails import mail, multipart
from tests.intake.provider.conftest import Post
from tests.serving import serve
from tests.storage.conftest import storage_app

BEARER = {"authorization": "Bearer inbound-secret"}
SMALL = mail("To: help@acme.test", "Message-ID: <1@customer.test>", "Subject: Lamp")


@pytest.fixture(scope="module")
def storage_url(database: Settings) -> Iterator[str]:
    with serve(storage_app(database)) as url:
        yield url


@pytest.fixture
def desk(post: Post, storage_url: str) -> Iterator[Post]:
    post.configure(
        supabase_url=storage_url,
        publishable_key=post.settings.keys.publishable_key,
        signing_key=json.dumps(post.settings.keys.signing_key),
    )
    make, made = storage._client.__wrapped__, []

    def client(organization_id: UUID, half_life: int) -> Any:
        made.append(make(organization_id, half_life))
        return made[-1]

    post.monkeypatch.setattr(storage, "_client", client)
    yield post
    # Storage refuses that its rows are deleted behind its back.
    for row in post.box.admin.execute("select name from storage.objects").fetchall():
        storage.remove(UUID(row["name"].split("/")[0]), upload.BUCKET, row["name"])
    for each in made:
        each.session.close()


def grant(desk: Post, *recipients: str) -> Any:
    status, answer = desk.call(route.grant_upload, b"", BEARER, rcpt=list(recipients or ("help@acme.test",)))
    assert status == 201, answer
    return answer


def put(place: dict[str, Any], body: bytes) -> int:
    return httpx.put(place["url"], content=body, headers={"content-type": "message/rfc822"}).status_code


def hand_in(desk: Post, path: str, *recipients: str, body: bytes = b"") -> tuple[int, Any]:
    return desk.call(route.receive, body, BEARER, rcpt=list(recipients or ("help@acme.test",)), upload=path)


def stored(desk: Post) -> list[str]:
    return [row["name"] for row in desk.box.admin.execute("select name from storage.objects").fetchall()]


def test_an_uploaded_mail_is_kept_byte_for_byte_and_the_upload_is_cleared_away(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    assert put(place, SMALL) == 200
    status, answer = hand_in(desk, place["upload"], "help@acme.test", "who@acme.test")
    assert (status, answer["mails"], answer["unknown"]) == (202, [], ["who@acme.test"])
    assert answer["fetching"][0]["upload"] == place["upload"]
    assert desk.work() == ["done", "done"]  # fetched, then cleared away
    assert desk.raw() == [SMALL]
    assert desk.held()["state"] == "kept"
    assert stored(desk) == []


@pytest.mark.parametrize("megabytes", [12, pytest.param(40, marks=pytest.mark.full)])
def test_a_mail_beyond_what_lambda_takes_goes_the_whole_way(desk: Post, megabytes: int) -> None:
    head = b"Content-Type: image/png\nContent-Disposition: attachment; filename=a.png\n\n"
    kind, body = multipart("mixed", "\nsee the file", head + bytes(range(256)) * (megabytes * 4096 - 8))
    raw = mail("To: help@acme.test", "Message-ID: <1@customer.test>", kind, body=body)
    assert 0 < megabytes * 1024 * 1024 - len(raw) < 2048

    def posted(request: httpx.Request) -> httpx.Response:
        handler = {"/inbound/uploads": route.grant_upload, "/inbound/mime": route.receive}[request.url.path]
        query = {name: request.url.params.get_list(name) for name in request.url.params}
        status, answer = desk.call(handler, request.content, dict(request.headers), **query)
        return httpx.Response(status, json=answer)

    transport = httpx.MockTransport(posted)
    with httpx.Client(base_url="http://desk.test", headers=BEARER, transport=transport) as http:
        told = by_reference(http, raw, ["help@acme.test"])
    assert len(told["fetching"]) == 1
    assert desk.work() == ["done", "done"]
    assert desk.raw() == [raw]
    (file,) = desk.box.files.values()
    assert len(file) > (megabytes - 1) * 1024 * 1024
    assert desk.box.row("select outcome from public.inbound_mails")["outcome"] == "new_ticket"


def test_a_mail_too_large_for_one_request_is_told_the_other_way(desk: Post) -> None:
    status, answer = desk.call(route.receive, b"x" * (route.MAX_BODY + 1), BEARER, rcpt="help@acme.test")
    assert (status, answer["code"]) == (413, "too_large")
    assert "/inbound/uploads" in answer["hint"]
    assert desk.is_untouched()


def test_what_is_larger_than_forty_megabytes_is_refused_by_storage(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    assert put(place, b"x" * (40 * 1024 * 1024 + 1)) >= 400
    assert stored(desk) == []


def test_every_organization_has_an_upload_of_its_own(desk: Post) -> None:
    granted = grant(desk, "help@acme.test", "help@other.test", "who@acme.test")
    assert granted["unknown"] == ["who@acme.test"]
    for place in granted["uploads"]:
        put(place, SMALL)
        assert hand_in(desk, place["upload"], *place["recipients"])[0] == 202
    desk.work()
    assert desk.box.count("public.tickets") == 2


# ---- who may not


def test_without_the_secret_nothing_is_granted_nor_taken(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    for headers in ({}, {"authorization": "Bearer wrong"}):
        assert desk.call(route.grant_upload, b"", headers, rcpt="help@acme.test")[0] == 401
        assert desk.call(route.receive, b"", headers, rcpt="help@acme.test", upload=place["upload"])[0] == 401


def test_nobody_hands_in_the_upload_of_another_organization(desk: Post) -> None:
    (place,) = grant(desk, "help@other.test")["uploads"]
    put(place, SMALL)
    status, answer = hand_in(desk, place["upload"], "help@acme.test")
    assert (status, answer["code"]) == (404, "unknown_upload")
    status, answer = hand_in(desk, place["upload"], "help@acme.test", "help@other.test")
    assert (status, answer["code"]) == (400, "several_organizations")
    assert desk.work() == []


NOT_GRANTED = [
        "{acme}/../{other}/{id}.eml", "{acme}/%2e%2e/{other}/{id}.eml", "../attachments/{acme}/x", "/etc/passwd",
        "{acme}/{id}.eml", "{acme}/{id}.eml\0", "{acme}/{id}.eml ", "x" * 5000, "\ud800",
    ]  # fmt: skip


def test_a_path_that_was_not_granted_leads_nowhere(desk: Post) -> None:
    for path in NOT_GRANTED:
        named = path.format(acme=desk.box.acme, other=desk.box.other, id=uuid4())
        status, answer = hand_in(desk, named)
        assert (status, answer["code"]) == (404, "unknown_upload"), path
    assert desk.is_untouched()


def test_a_place_takes_no_second_mail(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    assert put(place, SMALL) == 200
    assert put(place, mail(body="another")) >= 400
    hand_in(desk, place["upload"])
    desk.work()
    assert desk.raw() == [SMALL]


def test_a_body_beside_an_upload_is_a_contradiction(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    status, answer = hand_in(desk, place["upload"], body=SMALL)
    assert (status, answer["code"]) == (400, "body_and_upload")


# ---- what goes wrong


def test_handing_in_twice_is_one_mail(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    put(place, SMALL)
    assert hand_in(desk, place["upload"])[0] == hand_in(desk, place["upload"])[0] == 202
    desk.work()
    assert hand_in(desk, place["upload"])[0] == 202
    desk.work()
    assert desk.box.row("select deliveries from public.inbound_mails")["deliveries"] == 1


def test_handing_in_what_was_never_uploaded_is_told(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    hand_in(desk, place["upload"])
    assert desk.work() == ["done"]
    assert (desk.held()["state"], desk.held()["reason"]) == ("failed", "nothing was uploaded")


def test_an_upload_that_nobody_hands_in_is_cleared_away_after_a_day(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    put(place, SMALL)
    job = desk.box.row("select id, run_at - now() as wait from private.jobs where consumer <> 'clock'")
    assert 23.9 * 3600 < job["wait"].total_seconds() <= 24 * 3600
    desk.box.admin.execute("update private.jobs set run_at = now()")
    assert desk.work() == ["done"]
    assert stored(desk) == []
    assert desk.box.count("public.provider_mails") == 0


def test_while_storage_is_away_the_mail_waits(desk: Post) -> None:
    (place,) = grant(desk)["uploads"]
    put(place, SMALL)
    hand_in(desk, place["upload"])
    here = settings().supabase_url
    desk.configure(supabase_url="http://127.0.0.1:9")
    assert desk.work() == ["waiting"]
    assert desk.call(route.grant_upload, b"", BEARER, rcpt="help@acme.test")[0] == 503
    desk.configure(supabase_url=here)
    assert desk.again() == ["done", "done"]
    assert desk.raw() == [SMALL]
