"""Who may upload a file, who gets it, and what has to be known of it before."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from chalicelib.files import clamd
from chalicelib.kit import storage
from chalicelib.kit.settings import settings

from tests.data_model.shop import together
from tests.files.conftest import PNG, fetch, inspect, place, upload
from tests.intake.mails import mail, multipart
from tests.people import Actor, act_as, connect, new_member, new_user, not_there
from tests.privacy.conftest import Office

HTML = b"<html><script>alert(document.domain)</script></html>"
EXE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"


@pytest.fixture
def agent(office: Office) -> Actor:
    return new_member(office.db, office.box.acme, "agent")


@pytest.fixture
def customer(office: Office, ticket: UUID) -> Actor:
    """The signed-in contact of the ticket, whose mail came from this address."""
    return Actor("authenticated", new_user(office.db, "ann@customer.test"))


def reply(office: Office, actor: Actor, ticket: UUID, *paths: str, internal: bool = False) -> UUID:
    row = office.as_(
        actor, "select id from public.send_reply(%s, 'Here it is', 100, %s, %s)", ticket, internal, list(paths)
    )[0]
    return UUID(str(row["id"]))


def attached(office: Office, message: UUID) -> list[dict[str, Any]]:
    return office.db.execute(
        "select * from public.attachments where message_id = %s order by storage_path", [message]
    ).fetchall()


def sent(
    office: Office, actor: Actor, ticket: UUID, body: bytes = PNG, name: str = "lamp.png", **more: Any
) -> dict[str, Any]:
    """A file that the actor has sent with a reply, looked at."""
    path = place(office, actor, name)
    assert upload(office, actor, path, body, **more).status_code == 200
    message = reply(office, actor, ticket, path)
    assert inspect(office) == ["done"]
    return attached(office, message)[0]


def test_an_agent_sends_a_file_and_the_customer_gets_it(
    office: Office, ticket: UUID, agent: Actor, customer: Actor
) -> None:
    file = sent(office, agent, ticket)
    assert (file["verdict"], file["detected_type"], file["file_name"]) == ("unscanned", "image/png", "lamp.png")
    assert (file["bytes"], file["uploaded_by"]) == (len(PNG), agent.user_id)
    for reader in (agent, customer):
        answer = fetch(office, reader, file["storage_path"])
        assert (answer.status_code, answer.content) == (200, PNG)
        assert fetch(office, reader, file["thumbnail_path"]).headers["content-type"] == "image/webp"


def test_a_customer_sends_a_file_and_agents_get_it(office: Office, ticket: UUID, agent: Actor, customer: Actor) -> None:
    path = place(office, customer, "broken lamp.png")
    assert upload(office, customer, path, PNG).status_code == 200
    message = office.as_(
        customer,
        "insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)"
        " select organization_id, id, 'contact', contact_id, 'see' from public.tickets where id = %s returning id",
        ticket,
    )[0]["id"]
    office.as_(customer, "select id from public.attach_files(%s, %s)", message, [path])
    inspect(office)
    (file,) = attached(office, message)
    assert fetch(office, agent, file["storage_path"]).content == PNG


def test_the_file_of_a_note_is_for_members_alone(office: Office, ticket: UUID, agent: Actor, customer: Actor) -> None:
    path = place(office, agent)
    upload(office, agent, path, PNG)
    message = reply(office, agent, ticket, path, internal=True)
    inspect(office)
    (file,) = attached(office, message)
    assert fetch(office, agent, file["storage_path"]).status_code == 200
    for each in (file["storage_path"], file["thumbnail_path"]):
        assert fetch(office, customer, each).status_code in (400, 404)
    told = office.box.row("select audience from public.events where type = 'attachment.inspected'")
    assert told["audience"] == "agents"


def test_nobody_gets_a_file_before_it_was_looked_at(office: Office, ticket: UUID, agent: Actor) -> None:
    path = place(office, agent)
    upload(office, agent, path, PNG)
    message = reply(office, agent, ticket, path)
    assert attached(office, message)[0]["verdict"] == "waiting"
    assert fetch(office, agent, path).status_code in (400, 404)


@pytest.mark.parametrize(
    ("body", "name", "declared"),
    [
        (EXE, "invoice.pdf", "application/pdf"),
        (EXE, "lamp.png", "image/png"),
        (b"#!/bin/sh\n", "notes.txt", "text/plain"),
    ],
)
def test_a_program_is_refused_whatever_it_is_called(
    office: Office, ticket: UUID, agent: Actor, body: bytes, name: str, declared: str
) -> None:
    file = sent(office, agent, ticket, body, name, content_type=declared)
    assert file["verdict"] == "refused"
    assert "not taken" in file["verdict_because"]
    assert fetch(office, agent, file["storage_path"]).status_code in (400, 404)


@pytest.mark.parametrize("declared", ["text/html", "image/png", "text/plain"])
def test_what_a_browser_could_run_comes_as_a_download(
    office: Office, ticket: UUID, agent: Actor, declared: str
) -> None:
    file = sent(office, agent, ticket, HTML, "page.html", content_type=declared)
    answer = fetch(office, agent, file["storage_path"])
    assert answer.content == HTML
    assert answer.headers["content-type"] == "application/octet-stream"


def test_an_organization_may_take_other_types(office: Office, ticket: UUID, agent: Actor) -> None:
    file = sent(office, agent, ticket, EXE, "setup.exe")
    types = ["image/*", "application/vnd.microsoft.portable-executable"]
    office.as_(office.admin, "update public.organizations set file_types = %s returning id", types)
    manager = new_member(office.db, office.box.acme, "manager")
    with not_there():
        office.as_(agent, "select id from public.inspect_again(%s)", file["id"])
    office.as_(manager, "select id from public.inspect_again(%s)", file["id"])
    inspect(office)
    assert attached(office, file["message_id"])[0]["verdict"] == "unscanned"


def test_an_infected_file_is_kept_and_given_to_nobody(
    office: Office, ticket: UUID, agent: Actor, customer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_CLAMD", "tcp://127.0.0.1:1")
    settings.cache_clear()
    monkeypatch.setattr(clamd, "scan", lambda _address, data: "Eicar" if data == b"virus" else None)
    file = sent(office, agent, ticket, b"virus", "v.txt")
    assert (file["verdict"], file["verdict_because"], file["thumbnail_path"]) == ("infected", "Eicar", None)
    for reader in (agent, customer, office.admin):
        assert fetch(office, reader, file["storage_path"]).status_code in (400, 404)
    assert sent(office, agent, ticket)["verdict"] == "clean"


def test_while_the_scanner_is_away_a_file_waits(
    office: Office, ticket: UUID, agent: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDESK_CLAMD", "tcp://127.0.0.1:1")
    settings.cache_clear()
    path = place(office, agent)
    upload(office, agent, path, PNG)
    message = reply(office, agent, ticket, path)
    assert inspect(office) == ["waiting"]
    assert attached(office, message)[0]["verdict"] == "waiting"


def test_what_comes_by_mail_is_never_refused_and_is_looked_at_too(office: Office, agent: Actor) -> None:
    kind, body = multipart(
        "mixed",
        "\nsee",
        b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n"
        b"Content-Disposition: attachment; filename=a.png\n\n" + base64.b64encode(EXE),
    )
    ledger = office.box.receive(mail("To: help@acme.test", "Message-ID: <9@customer.test>", kind, body=body))
    assert inspect(office) == ["done"]
    (file,) = attached(office, ledger["message_id"])
    assert (file["verdict"], file["content_type"]) == ("refused", "image/png")
    assert fetch(office, agent, file["storage_path"]).status_code in (400, 404)


@pytest.mark.parametrize("where", ["another user's", "another organization's", "the organization's own", "a mail's"])
def test_nobody_uploads_to_where_others_do(office: Office, ticket: UUID, agent: Actor, where: str) -> None:
    path = {
        "another user's": f"{office.box.acme}/uploads/{uuid4()}/1/a.png",
        "another organization's": place(office, agent, organization=office.box.other),
        "the organization's own": f"{office.box.acme}/a.png",
        "a mail's": f"{office.box.acme}/{uuid4()}/1-a.png",
    }[where]
    assert upload(office, agent, path, PNG).status_code in (400, 403)


def test_strangers_and_viewers_upload_nothing(office: Office, ticket: UUID) -> None:
    for actor in (
        Actor("authenticated", new_user(office.db)),
        new_member(office.db, office.box.acme, "viewer"),
        new_member(office.db, office.box.other, "owner"),
    ):
        assert upload(office, actor, place(office, actor), PNG).status_code in (400, 403)


def test_nobody_attaches_what_another_has_uploaded(office: Office, ticket: UUID, agent: Actor, customer: Actor) -> None:
    theirs = place(office, customer)
    upload(office, customer, theirs, PNG)
    for path in (theirs, place(office, agent), f"{office.box.acme}/uploads/{agent.user_id}/../{customer.user_id}/x"):
        with not_there("uploaded no file"):
            reply(office, agent, ticket, path)
    assert office.box.row("select count(*) as n from public.messages where ticket_id = %s", ticket)["n"] == 1


def test_a_file_is_attached_once_and_to_ones_own_message(
    office: Office, ticket: UUID, agent: Actor, customer: Actor
) -> None:
    path = place(office, agent)
    upload(office, agent, path, PNG)
    message = reply(office, agent, ticket, path)
    with pytest.raises(psycopg.errors.UniqueViolation):
        reply(office, agent, ticket, path)
    other = place(office, customer)
    upload(office, customer, other, PNG)
    with not_there("just written"):
        office.as_(customer, "select id from public.attach_files(%s, %s)", message, [other])
    second = place(office, agent)
    upload(office, agent, second, PNG)
    with pytest.raises(psycopg.Error, match="send_reply") as late:  # its mail is on its way
        office.as_(agent, "select id from public.attach_files(%s, %s)", message, [second])
    assert late.value.sqlstate == "PT409"


def test_the_plan_says_how_much_is_kept_and_of_two_at_the_limit_one_passes(
    office: Office, ticket: UUID, agent: Actor
) -> None:
    limit = "update private.plans set storage_mb = 1 where key = 'free'"
    office.db.execute(limit.encode())
    office.db.execute("update public.organizations set plan = 'free' where id = %s", [office.box.acme])
    paths = [place(office, agent, f"{n}.txt") for n in range(2)]
    for path in paths:
        assert upload(office, agent, path, b"x" * 1_100_000, content_type="text/plain").status_code == 200
    refused = []

    def attach(path: str) -> None:
        with connect(office.settings, "supabase_admin") as session:
            try:
                with session.transaction():
                    act_as(session, agent)
                    session.execute("select id from public.send_reply(%s, 'x', 100, true, %s)", [ticket, [path]])
            except psycopg.Error as error:
                refused.append(error.sqlstate)

    together(*(lambda path=path: attach(path) for path in paths))
    assert refused == ["PT402"]
    used = office.as_(agent, "select used, allowed from public.usage(%s) where what = 'storage'", office.box.acme)
    assert used == [{"used": 1_100_000, "allowed": 1_048_576}]
    assert upload(office, agent, place(office, agent), PNG).status_code in (400, 403)  # no more uploads
    inspect(office)


def test_usage_falls_when_files_go(office: Office, ticket: UUID, agent: Actor) -> None:
    sent(office, agent, ticket)
    office.db.execute("delete from public.tickets where id = %s", [ticket])
    assert office.box.row("select bytes from private.file_usage")["bytes"] == 0
    assert office.work() == ["done"]
    assert office.stored() == []  # the thumbnail too


def test_an_upload_that_goes_with_no_message_is_forgotten_after_a_day(
    office: Office, ticket: UUID, agent: Actor
) -> None:
    kept = sent(office, agent, ticket)
    path = place(office, agent)
    upload(office, agent, path, PNG)
    office.db.execute("select private.maintain()")
    office.work()
    assert f"attachments/{path}" in office.stored()
    office.db.execute("update storage.objects set created_at = created_at - interval '25 hours'")
    office.db.execute("select private.maintain()")
    office.work()
    assert set(office.stored()) == {f"attachments/{kept['storage_path']}", f"attachments/{kept['thumbnail_path']}"}


def test_a_file_that_storage_has_lost_is_refused(office: Office, ticket: UUID, agent: Actor) -> None:
    path = place(office, agent)
    upload(office, agent, path, PNG)
    message = reply(office, agent, ticket, path)
    storage.remove(office.box.acme, "attachments", path)
    assert inspect(office) == ["done"]
    assert attached(office, message)[0]["verdict_because"] == "the file is not in Storage"


def test_everybody_who_sees_the_message_is_told_when_its_file_was_looked_at(
    office: Office, ticket: UUID, agent: Actor
) -> None:
    file = sent(office, agent, ticket)
    event = office.box.row("select * from public.events where type = 'attachment.inspected'")
    assert (event["subject_id"], event["audience"], event["data"]) == (file["id"], "contact", {"verdict": "unscanned"})
