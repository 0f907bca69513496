"""The whole desk on the real stack: what customers, agents and strangers notice."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError

from infra.local.ports import free_ports
from infra.local.settings import Settings
from infra.local.stack import status
from pgdesk import cli
from pgdesk.listener import Listener
from pgdesk.mail import post
from pgdesk.seed import Desk
from pgdesk.up import build_stack
from tests.conftest import FULL
from tests.desk.world import PASSWORD, World, dump, is_reply, letter, open_world
from tests.waiting import until

# How many mails have been taken when the functions are killed: wherever their work then stands.
KILLS = (3, 10, 20) if FULL else (12,)
QUESTION = "How long do I have to return an item?"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="pgdesk-desk-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        api, db, mail, queue, functions = free_ports(5)
        settings = Settings(
            data=Path(folder), api_port=api, db_port=db, mail_port=mail, queue_port=queue, functions_port=functions
        )
        with build_stack(settings), open_world(settings) as world:
            yield world


def test_a_question_by_mail_is_seen_live_answered_by_mail_and_its_thread_goes_on(world: World) -> None:
    ann = "Ann Berg <ann@customers.example>"
    asked = letter(ann, world.acme.address, QUESTION, f"Hello,\n\n{QUESTION}\n\nThanks\nAnn\n")
    desk = Desk(world.acme.id, "acme", world.acme.address, world.acme.agent.email, PASSWORD)
    with Listener(world.settings, desk) as listener:
        filed = world.receive(asked, world.acme.address)
        assert (filed["outcome"], filed["verdict"], filed["dmarc"]) == ("new_ticket", "human", "pass")
        until(lambda: str(filed["message_id"]) in listener.heard and str(filed["ticket_id"]) in listener.heard)
    answer = world.mail_to("ann@customers.example", is_reply)
    # The answer cites the article, comes from the desk, threads in Ann's client, and says that a machine wrote it.
    assert "30 days" in answer["text"]
    assert world.acme.address in answer["from"]
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["in-reply-to"] == asked["Message-ID"]
    assert headers["auto-submitted"] == "auto-replied"
    (reply_to,) = answer["reply_to"]
    assert reply_to.startswith("help+")
    (ticket,) = world.acme.agent.rows("tickets", id=str(filed["ticket_id"]))
    assert ticket["category_id"] == world.acme.categories["returns"]
    (draft,) = world.acme.agent.rows("drafts", ticket_id=ticket["id"])
    assert (draft["decision"], draft["status"]) == ("send", "sent")
    assert world.acme.agent.rows("draft_citations", draft_id=draft["id"])

    quoted = "\n".join(f"> {line}" for line in answer["text"].splitlines())
    said = f"On Mon, Nov 2, 2026 at 10:00 AM Acme <{world.acme.address}> wrote:\n{quoted}"
    thanks = letter(
        ann, reply_to, "Something else entirely", f"Thank you, that helps.\n\n{said}\n",
        In_Reply_To=answer["message_id"], References=f"{asked['Message-ID']} {answer['message_id']}",
    )  # fmt: skip
    again = world.receive(thanks, reply_to)
    assert (again["outcome"], again["ticket_id"]) == ("threaded", filed["ticket_id"])
    messages = sorted(world.acme.agent.rows("messages", ticket_id=ticket["id"]), key=lambda each: each["seq"])
    assert [each["sender"] for each in messages][:3] == ["contact", "ai", "contact"]
    assert messages[2]["reply_text"] == "Thank you, that helps."


def test_the_same_mail_twice_is_one(world: World) -> None:
    mail = letter("Bo <bo@customers.example>", world.bolt.address, "Parcel", "Where is my parcel?")
    first, second = world.deliver(mail, world.bolt.address), world.deliver(mail, world.bolt.address)
    assert [first[0]["duplicate"], second[0]["duplicate"]] == [False, True]
    assert first[0]["id"] == second[0]["id"]
    filed = world.filed(first[0]["id"])
    assert filed["deliveries"] == 2
    assert len(world.bolt.agent.rows("messages", ticket_id=str(filed["ticket_id"]))) == 1


def test_a_mail_to_two_organizations_is_a_ticket_in_each_and_neither_sees_the_others(world: World) -> None:
    both = (world.acme.address, world.bolt.address)
    mail = letter("Cy <cy@customers.example>", ", ".join(both), "Two shops", "Do you deliver to Norway?")
    kept = world.deliver(mail, *both)
    filed = {row["organization_id"]: row for row in (world.filed(entry["id"]) for entry in kept)}
    assert set(filed) == {world.acme.id, world.bolt.id}
    for organization in (world.acme, world.bolt):
        seen = [row["id"] for row in organization.agent.rows("tickets", subject="Two shops")]
        assert seen == [str(filed[organization.id]["ticket_id"])]


def test_a_sender_that_fails_dmarc_gets_a_ticket_and_no_automatic_mail(world: World) -> None:
    mail = letter("Boss <boss@bank.example>", world.acme.address, QUESTION, QUESTION, dmarc="fail")
    filed = world.receive(mail, world.acme.address)
    assert (filed["outcome"], filed["dmarc"]) == ("new_ticket", "fail")
    world.quiet()
    assert world.mails_to("boss@bank.example") == []


def test_an_agents_correction_counts_for_the_next_similar_ticket(world: World) -> None:
    agent = world.acme.agent
    words = ("My loyalty points of last month never arrived", "My loyalty points of this month have not arrived")
    tickets = []
    for number, text in enumerate(words):
        mail = letter(f"dora{number}@customers.example", world.acme.address, "Loyalty points", text)
        filed = world.receive(mail, world.acme.address)
        world.triaged(filed["message_id"])
        (ticket,) = agent.rows("tickets", id=str(filed["ticket_id"]))
        tickets.append(ticket)
        if number == 0:
            added = {"organization_id": str(world.acme.id), "key": "loyalty", "name": "Loyalty"}
            world.acme.owner.client.table("ticket_categories").insert(added).execute()
            (loyalty,) = agent.rows("ticket_categories", key="loyalty")
            agent.call("correct_triage", ticket_id=ticket["id"], category_id=loyalty["id"])
    assert tickets[0]["category_id"] != loyalty["id"]
    assert tickets[1]["category_id"] == loyalty["id"]


def test_an_agent_sees_only_their_organization_and_answers_by_mail(world: World) -> None:
    filed = world.receive(
        letter("Eve <eve@customers.example>", world.bolt.address, "Broken zip", "The zip is broken."),
        world.bolt.address,
    )
    agent = world.bolt.agent
    assert {row["organization_id"] for row in agent.rows("tickets")} == {str(world.bolt.id)}
    assert {row["organization_id"] for row in agent.rows("messages")} == {str(world.bolt.id)}
    (ticket,) = agent.rows("tickets", id=str(filed["ticket_id"]))
    with pytest.raises(APIError, match="there is no ticket"):
        world.acme.agent.call("send_reply", ticket_id=ticket["id"], body="Hello from next door", expected_seq=99)
    with pytest.raises(APIError, match="a newer message has arrived"):
        agent.call("send_reply", ticket_id=ticket["id"], body="Too early", expected_seq=0)
    agent.call("send_reply", ticket_id=ticket["id"], body="We send you a new one.", expected_seq=ticket["last_seq"])
    answer = world.mail_to("eve@customers.example", is_reply)
    assert "We send you a new one." in answer["text"]
    assert "auto-submitted" not in {name.lower() for name in answer["headers"]}


def test_a_contact_signs_in_by_mail_and_sees_their_ticket_without_internal_notes(world: World) -> None:
    filed = world.receive(
        letter("Fay <fay@customers.example>", world.bolt.address, "My stove", "The stove smells."), world.bolt.address
    )
    ticket = str(filed["ticket_id"])
    agent = world.bolt.agent
    agent.call("send_reply", ticket_id=ticket, body="Difficult customer", expected_seq=1, internal=True)
    agent.call("send_reply", ticket_id=ticket, body="Please open a window.", expected_seq=2)
    fay = world.sign_in_by_mail("fay@customers.example")
    assert [row["id"] for row in fay.rows("tickets")] == [ticket]
    seen = sorted(fay.rows("messages"), key=lambda each: each["seq"])
    assert [(row["sender"], row["body_text"].strip()) for row in seen] == [
        ("contact", "The stove smells."),
        ("member", "Please open a window."),
    ]
    for hidden in ("drafts", "triage_results", "inbound_mails", "members"):
        assert fay.rows(hidden) == [], hidden
    other = world.sign_in_by_mail("gus@customers.example")
    assert other.rows("tickets") == []
    assert other.rows("messages") == []


def test_an_attachment_is_fetched_by_who_may_see_its_message_and_by_nobody_else(world: World) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
    mail = letter("Hal <hal@customers.example>", world.bolt.address, "Photo", "See the photo.")
    mail.add_attachment(picture, maintype="image", subtype="png", filename="../ø photo.png")
    filed = world.receive(mail, world.bolt.address)
    agent = world.bolt.agent
    (row,) = agent.rows("attachments", message_id=str(filed["message_id"]))
    assert (row["file_name"], row["content_type"], row["bytes"]) == ("ø photo.png", "image/png", len(picture))
    path = row["storage_path"]
    until(lambda: agent.rows("attachments", id=row["id"])[0]["verdict"] == "unscanned")  # nobody gets it before
    signed = str(agent.client.storage.from_("attachments").create_signed_url(path, 60)["signedURL"])
    fetched = httpx.get(signed)
    assert (fetched.status_code, fetched.content) == (200, picture)
    hal = world.sign_in_by_mail("hal@customers.example")
    assert hal.client.storage.from_("attachments").download(path) == picture
    for nobody in (world.acme.agent.client, world.sign_in_by_mail("ida@customers.example").client, world.stranger()):
        with pytest.raises(StorageApiError):
            nobody.storage.from_("attachments").create_signed_url(path, 60)
        with pytest.raises(StorageApiError):
            nobody.storage.from_("attachments").download(path)
    assert httpx.get(signed.replace("token=", "token=x")).status_code >= 400


def test_a_mail_that_cannot_be_read_is_kept_seen_and_tried_again(world: World) -> None:
    filed = world.receive(b"\r\n\r\n", world.bolt.address)
    assert filed["state"] == "quarantined"
    (seen,) = world.bolt.owner.rows("inbound_mails", id=str(filed["id"]))
    assert seen["reason"]
    assert world.acme.owner.rows("inbound_mails", id=str(filed["id"])) == []
    retried = world.bolt.owner.call("retry_inbound_mail", inbound_mail_id=str(filed["id"]))
    assert retried["state"] == "received"
    assert world.filed(str(filed["id"]))["reason"] == seen["reason"]
    with pytest.raises(APIError):
        world.acme.owner.call("retry_inbound_mail", inbound_mail_id=str(filed["id"]))


def test_a_dead_job_is_listed_and_given_another_life(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = world.db.execute("select private.enqueue(%s, 'send_mail', '{}') as id", [world.bolt.id]).fetchone()
    assert row
    owner, own = world.bolt.owner, {"organization_id": str(world.bolt.id)}
    (dead,) = until(lambda: owner.call("dead_jobs", **own))
    assert (dead["id"], dead["attempt"]) == (str(row["id"]), 1)
    assert dead["error"] == "Dead: the job does not name what to write about"
    assert world.bolt.agent.call("dead_jobs", **own) == [], "admins only"
    assert world.acme.owner.call("dead_jobs", **own) == []
    assert world.acme.owner.call("retry_dead_jobs", **own) == 0
    assert owner.call("retry_dead_jobs", **own) == 1
    again = until(lambda: [job for job in owner.call("dead_jobs", **own) if job["finished_at"] != dead["finished_at"]])
    assert again[0]["id"] == dead["id"]

    # The same for an operator, over all organizations.
    monkeypatch.setattr(cli, "stack_settings", lambda: world.settings)
    monkeypatch.setattr(cli, "load_dotenv", lambda: None)
    assert [job["id"] for job in json.loads(said_by(monkeypatch, capsys, "jobs", "dead", "--json"))] == [dead["id"]]
    told = json.loads(said_by(monkeypatch, capsys, "status", "--json"))
    assert told["running"]
    assert {each["consumer"]: each["dead"] for each in told["queue"]}["send_mail"] == 1
    world.db.execute("delete from private.jobs where state = 'dead'")


def said_by(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Standard output of a command that ends well."""
    monkeypatch.setattr("sys.argv", ["pgdesk", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_no_mail_gets_in_without_the_secret_or_to_an_address_that_is_nobodys(world: World) -> None:
    url = f"{world.settings.api_url}/functions/v1/inbound/mime"
    mail = letter("Jo <jo@customers.example>", world.bolt.address, "Hi", "Hi").as_bytes()
    refused = httpx.post(
        url, params={"rcpt": world.bolt.address}, content=mail, headers={"content-type": "message/rfc822"}
    )
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    unknown = post(world.inbound, mail, ["nobody@elsewhere.example"])
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_address")


def test_killing_the_functions_in_a_burst_of_mail_loses_nothing_and_doubles_nothing(world: World) -> None:
    senders = [f"burst{number}@crowd.example" for number in range(30)]
    mails = {sender: letter(sender, world.acme.address, f"Burst {sender}", QUESTION) for sender in senders}
    kept: dict[str, str] = {}
    waiting = list(senders)
    lock = threading.Lock()

    def provider() -> None:
        """Delivers until it is told that the mail was taken, as every provider does."""
        with httpx.Client(base_url=world.inbound.base_url, headers=world.inbound.headers, timeout=10) as http:
            while True:
                with lock:
                    if not waiting:
                        return
                    sender = waiting.pop(0)
                try:
                    answer = post(http, mails[sender].as_bytes(), [world.acme.address])
                except (httpx.HTTPError, RuntimeError):
                    answer = None
                with lock:
                    if answer is not None and answer.status_code == 202:
                        kept[sender] = answer.json()["mails"][0]["id"]
                    else:
                        waiting.append(sender)

    providers = [threading.Thread(target=provider) for _ in range(4)]
    for each in providers:
        each.start()
    killed = set()
    for least in KILLS:
        until(lambda least=least: len(kept) >= least)  # type: ignore[misc]
        running = until(lambda: status(world.settings.data))
        pid = running.processes["runner"]
        assert pid
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
        until(lambda: (now := status(world.settings.data)) and now.processes["runner"] not in killed)
    for each in providers:
        each.join(60)
    assert len(kept) == len(senders)

    # As if the minutes had passed after which what was handed out and not brought home is given out again.
    with world.db.transaction():
        world.db.execute(
            "update private.jobs set lease_until = now() - interval '1 s' where state in ('published', 'running')"
        )
        world.db.execute("select private.wake_relay()")
    world.quiet()
    ledger = world.db.execute(
        "select state, outcome, ticket_id, sender from public.inbound_mails where id = any (%s::uuid[])",
        [list(kept.values())],
    ).fetchall()
    assert Counter((row["state"], row["outcome"]) for row in ledger) == {("done", "new_ticket"): 30}
    assert len({row["ticket_id"] for row in ledger}) == 30
    messages = world.db.execute(
        "select ticket_id, sender, count(*) as times from public.messages where ticket_id = any (%s)"
        " group by ticket_id, sender",
        [[row["ticket_id"] for row in ledger]],
    ).fetchall()
    assert {row["times"] for row in messages} == {1}, dump(messages)
    # One receipt and at most one answer each.
    mailed = {sender: Counter(is_reply(mail) for mail in world.mails_to(sender)) for sender in senders}
    assert {counts[False] for counts in mailed.values()} == {1}, mailed
    assert {counts[True] for counts in mailed.values()} <= {0, 1}, mailed
    assert world.db.execute("select consumer, error from private.jobs where state = 'dead'").fetchall() == []


def test_the_log_holds_ids_and_no_words_of_customers(world: World) -> None:
    mail = letter("Kim Secretname <kim@secret.example>", world.acme.address, "Hidden subject", "My hidden words.")
    mail.add_attachment(b"x", maintype="text", subtype="plain", filename="hidden-file.txt")
    filed = world.receive(mail, world.acme.address)
    world.quiet()
    log = (world.settings.data / "logs" / "runner.log").read_text()
    assert str(filed["id"]) in log
    assert str(filed["ticket_id"]) in log
    for words in ("Secretname", "kim@", "idden subject", "hidden words", "hidden-file"):
        assert words not in log


def test_one_trace_runs_from_a_mails_arrival_to_the_last_webhook_about_it(world: World) -> None:
    trace = uuid4()
    mail = letter("Tra Ce <tra@ce.example>", world.acme.address, "Return", "How long do I have to return an item?")
    (endpoint,) = world.db.execute(
        "insert into public.webhook_endpoints (organization_id, url, event_types)"
        " values (%s, 'https://nobody.invalid/', '{*}') returning id",
        [world.acme.id],
    ).fetchall()
    try:
        kept = world.inbound.post(
            "/inbound/mime",
            params={"rcpt": world.acme.address},
            content=mail.as_bytes(),
            headers={"traceparent": f"00-{trace.hex}-00f067aa0ba902b7-01"},
        )
        assert kept.headers["x-trace-id"] == str(trace)
        world.filed(kept.json()["mails"][0]["id"])
        world.quiet()
        jobs = world.db.execute("select distinct consumer from private.jobs where trace_id = %s", [trace]).fetchall()
        assert {"intake", "triage", "reply", "send_mail"} <= {row["consumer"] for row in jobs}
        told = world.db.execute(
            "select distinct event_type from public.webhook_deliveries where trace_id = %s", [trace]
        ).fetchall()
        assert {"ticket.created", "message.received", "ticket.triaged"} <= {row["event_type"] for row in told}
    finally:
        world.db.execute("delete from public.webhook_endpoints where id = %s", [endpoint["id"]])


def test_functions_outside_a_job_see_no_tickets(world: World) -> None:
    url = world.settings.database_url("pgdesk_functions")
    with psycopg.connect(url, autocommit=True) as functions:
        assert functions.execute("select count(*) from public.tickets").fetchone() == (0,)
