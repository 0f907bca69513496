"""An admin asks for all that is known of a contact, or for its end, and gets just that."""

from __future__ import annotations

import io
import json
import zipfile
from uuid import UUID

import httpx
import psycopg
import pytest
from chalicelib.kit import storage
from chalicelib.kit.settings import settings
from chalicelib.privacy import export

from infra.local import tokens
from tests.intake.mails import mail, multipart
from tests.people import Actor, new_member, new_user, not_there
from tests.privacy.conftest import Office

MARK = "zebediah"
ADDRESS = f"{MARK}@customer.test"


def mail_of(sender: str, words: str, name: str = "1") -> bytes:
    kind, body = multipart(
        "mixed",
        f"\n{words}",
        f"Content-Type: text/plain\nContent-Disposition: attachment; filename=../{words}.txt\n\nfile of {words}",
    )
    return mail(
        "To: help@acme.test", f"Message-ID: <{words}.{name}@customer.test>", f"Subject: From {words}", kind,
        body=body, sender=f"{words.title()} <{sender}>",
    )  # fmt: skip


def a_customer(office: Office, words: str = MARK) -> tuple[UUID, UUID]:
    """Who wrote a mail with a file, got a reply and a draft, and gave feedback. Contact and ticket."""
    ledger = office.box.receive(mail_of(f"{words}@customer.test", words))
    ticket = office.box.row("select * from public.tickets where id = %s", ledger["ticket_id"])
    office.as_(office.admin, "select id from public.send_reply(%s, %s, 100)", ticket["id"], f"Dear {words.title()}")
    office.as_(office.admin, "select id from public.send_reply(%s, %s, 100, true)", ticket["id"], f"{words} is angry")
    office.db.execute(
        "insert into public.drafts (organization_id, ticket_id, message_id, seen_seq, decision, confidence, source,"
        " body_text) values (%s, %s, %s, 1, 'draft', 0.5, 'extract', %s)",
        [office.box.acme, ticket["id"], ledger["message_id"], f"Dear {words}"],
    )
    return ticket["contact_id"], ticket["id"]


def mentions(office: Office, word: str) -> list[str]:
    """Tables with a row that holds the word, of the whole database."""
    tables = office.db.execute(
        "select format('%I.%I', n.nspname, c.relname) as name from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace where c.relkind = 'r'"
        " and n.nspname in ('public', 'private', 'partitions', 'storage')"
    ).fetchall()
    return sorted(
        row["name"]
        for row in tables
        if office.db.execute(
            f"select from {row['name']} as r where r::text ilike any (%s) limit 1".encode(),
            [[f"%{word}%", f"%{word.encode().hex()}%"]],
        ).fetchall()
    )


def parts(office: Office, request_id: UUID) -> zipfile.ZipFile:
    (path,) = office.request(request_id)["files"]
    return zipfile.ZipFile(io.BytesIO(storage.get(office.box.acme, "exports", path)))


def test_an_export_holds_all_that_is_known_of_the_contact_and_of_no_other(office: Office) -> None:
    contact, ticket = a_customer(office)
    a_customer(office, "someoneelse")
    request = office.ask("export", contact)
    assert office.work() == ["done"]
    with parts(office, request) as archive:
        told = json.loads(archive.read("contact.json"))
        everything = b"".join(archive.read(name) for name in archive.namelist())
        names = archive.namelist()
    assert told["public.contacts"][0]["email"] == ADDRESS
    assert [row["id"] for row in told["public.tickets"]] == [str(ticket)]
    assert {row["body_text"] for row in told["public.messages"]} >= {f"Dear {MARK.title()}", f"{MARK} is angry"}
    assert {table for table in mentions(office, MARK) if table.startswith("public.")} <= set(told)
    assert b"someoneelse" not in everything
    assert f"file of {MARK}".encode() in everything  # the attachment
    assert any(name.startswith("mails/") for name in names)
    assert not any(".." in name or name.startswith("/") for name in names)
    manifest = office.request(request)["manifest"]
    assert manifest["files"] == 2
    assert manifest["public.messages"] == len(told["public.messages"])


def test_after_an_erasure_nothing_in_the_database_or_in_storage_names_the_contact(office: Office) -> None:
    contact, ticket = a_customer(office)
    a_customer(office, "someoneelse")
    assert len(mentions(office, MARK)) > 5
    request = office.ask("erasure", contact)
    assert set(office.work()) == {"done"}
    assert mentions(office, MARK) == []
    assert [path for path in office.stored() if str(ticket) in path] == []
    assert office.request(request)["state"] == "done"
    assert office.request(request)["manifest"]["public.messages"] == 3


def test_an_erasure_leaves_what_is_counted_and_what_is_about_others(office: Office) -> None:
    contact, ticket = a_customer(office)
    _, other = a_customer(office, "someoneelse")
    before = office.db.execute("select count(*) as n from public.ticket_history").fetchone()
    kept = mentions(office, "someoneelse")
    office.ask("erasure", contact)
    office.work()
    row = office.box.row("select * from public.tickets where id = %s", ticket)
    assert (row["subject"], row["status"], row["contact_id"]) == ("", "closed", contact)
    assert row["erased_at"]
    after = office.db.execute("select count(*) as n from public.ticket_history").fetchone()
    assert before
    assert after
    assert after["n"] > before["n"]
    assert set(mentions(office, "someoneelse")) == set(kept)
    assert office.box.row("select * from public.tickets where id = %s", other)["erased_at"] is None


def test_who_writes_again_after_an_erasure_is_somebody_new(office: Office) -> None:
    contact, ticket = a_customer(office)
    office.ask("erasure", contact)
    office.work()
    ledger = office.box.receive(mail_of(ADDRESS, MARK, "2"))
    again = office.box.row("select * from public.tickets where id = %s", ledger["ticket_id"])
    assert again["id"] != ticket
    assert again["contact_id"] != contact


def test_an_erasure_of_many_tickets_goes_on_in_steps(office: Office) -> None:
    contact, _ = a_customer(office)
    office.db.execute(
        "insert into public.tickets (organization_id, channel, contact_id, subject)"
        " select %s, 'email', %s, 'again' from generate_series(1, 120)",
        [office.box.acme, contact],
    )
    request = office.ask("erasure", contact)
    assert len(office.work()) >= 4
    assert office.request(request)["manifest"]["public.tickets"] == 121
    assert office.box.row(
        "select count(*) as n from public.tickets where contact_id = %s and erased_at is null", contact
    ) == {"n": 0}


def test_files_of_deleted_tickets_leave_storage_too(office: Office) -> None:
    _, ticket = a_customer(office)
    assert office.stored()
    office.db.execute("delete from public.tickets where id = %s", [ticket])
    assert office.work() == ["done"]
    assert office.stored() == []


def test_an_export_expires(office: Office) -> None:
    contact, _ = a_customer(office)
    request = office.ask("export", contact)
    office.work()
    clock = office.box.row("select payload from private.jobs where payload ->> 'ring' = 'export_expires'")["payload"]
    with office.db.transaction():
        office.db.execute("select set_config('app.organization_id', %s, true)", [str(office.box.acme)])
        office.db.execute("select private.ring(%s::jsonb)", [json.dumps(clock)])
    office.work()
    assert office.request(request)["files"] == []
    assert not any(path.startswith("exports/") for path in office.stored())


@pytest.mark.parametrize("role", ["viewer", "agent", "manager"])
def test_only_admins_ask_for_exports_and_erasures(office: Office, role: str) -> None:
    contact, _ = a_customer(office)
    member = new_member(office.db, office.box.acme, role)
    for kind in ("export", "erasure"):
        with not_there("administer"):
            office.as_(member, f"select id from public.request_contact_{kind}(%s)", contact)


def test_admins_of_another_organization_and_the_contact_itself_ask_in_vain(office: Office) -> None:
    contact, _ = a_customer(office)
    strangers = [new_member(office.db, office.box.other, "owner"), Actor("authenticated", new_user(office.db, ADDRESS))]
    for stranger in strangers:
        with not_there("administer"):
            office.as_(stranger, "select id from public.request_contact_erasure(%s)", contact)


def test_an_admin_fetches_the_export_and_an_agent_does_not(office: Office) -> None:
    contact, _ = a_customer(office)
    request = office.ask("export", contact)
    office.work()
    (path,) = office.request(request)["files"]
    agent = new_member(office.db, office.box.acme, "agent")
    other = new_member(office.db, office.box.other, "owner")
    seen = "select name from storage.objects where bucket_id = 'exports' and name = %s"
    assert office.as_(office.admin, seen, path)
    assert office.as_(agent, seen, path) == office.as_(other, seen, path) == []


def test_the_same_is_not_asked_for_twice_at_once_and_an_erased_contact_not_again(office: Office) -> None:
    contact, _ = a_customer(office)
    office.ask("erasure", contact)
    with pytest.raises(psycopg.Error, match="being done already") as refused:
        office.ask("erasure", contact)
    assert refused.value.sqlstate == "PT409"
    office.work()
    with pytest.raises(psycopg.Error, match="was erased on"):
        office.ask("export", contact)


def test_a_file_that_storage_has_lost_is_told_and_does_not_stop_the_export(office: Office) -> None:
    contact, ticket = a_customer(office)
    lost = office.box.row("select storage_path from public.attachments where ticket_id = %s", ticket)["storage_path"]
    storage.remove(office.box.acme, "attachments", lost)
    request = office.ask("export", contact)
    assert office.work() == ["done"]
    with parts(office, request) as archive:
        assert len(json.loads(archive.read("missing.json"))) == 1


def test_an_export_is_parted_before_it_grows_beyond_what_storage_takes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART_BYTES", 400)
    contact, _ = a_customer(office)
    request = office.ask("export", contact)
    office.work()
    files = office.request(request)["files"]
    assert len(files) > 1
    names = [
        name
        for path in files
        for name in zipfile.ZipFile(io.BytesIO(storage.get(office.box.acme, "exports", path))).namelist()
    ]
    assert len(names) == len(set(names)) == 3


def test_the_token_of_a_stranger_does_not_fetch_an_export_over_http(office: Office) -> None:
    contact, _ = a_customer(office)
    request = office.ask("export", contact)
    office.work()
    (path,) = office.request(request)["files"]

    def fetch(actor: Actor) -> int:
        token = tokens.sign(office.settings.keys, actor.claims | {"aud": "authenticated"})
        return httpx.get(
            f"{settings().supabase_url}/storage/v1/object/authenticated/exports/{path}",
            headers={"authorization": f"Bearer {token}", "apikey": settings().publishable_key},
        ).status_code

    assert fetch(office.admin) == 200
    assert fetch(new_member(office.db, office.box.other, "owner")) in (400, 404)
