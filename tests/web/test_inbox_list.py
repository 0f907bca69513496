"""The inbox's list: views and their counts, tickets as they come and go, by keyboard, many at once, and by words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import PHONE, Site, shot, violations


@pytest.fixture
def rest(site: Site) -> Iterator[httpx.Client]:
    """The API as Tom, who works beside whoever looks."""
    with site.rest("tom@kestrel-outdoor.example") as client:
        yield client


def open_ticket(site: Site, rest: httpx.Client, subject: str, **changes: Any) -> dict[str, Any]:
    """A ticket of somebody who called."""
    organization = str(site.desk.organization_id)
    contact = rest.post(
        "/rpc/upsert_contact",
        json={"organization_id": organization, "email": "lena@list.example", "name": "Lena Vogt"},
    ).json()
    opened = rest.post(
        "/rpc/open_ticket",
        json={
            "organization_id": organization, "subject": subject, "body": f"About {subject.lower()}: can you help?",
            "channel": "phone", "contact_id": contact["id"],
        },
    )  # fmt: skip
    opened.raise_for_status()
    ticket: dict[str, Any] = opened.json()
    if changes:
        rest.patch("/tickets", params={"id": f"eq.{ticket['id']}"}, json=changes).raise_for_status()
    return ticket


def row(page: Page, subject: str) -> Locator:
    return page.get_by_role("region", name="Tickets").get_by_role("listitem").filter(has_text=subject)


def look_at(page: Page, site: Site, view: str) -> None:
    page.goto(site.inbox)
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
    expect(page.get_by_role("heading", name=view)).to_be_visible()


def test_tickets_come_change_and_leave_by_themselves(site: Site, rest: httpx.Client, agent: Page) -> None:
    look_at(agent, site, "Unassigned")
    ticket = open_ticket(site, rest, "A broken zip")
    expect(row(agent, "A broken zip")).to_contain_text("Lena Vogt")
    expect(row(agent, "A broken zip")).to_contain_text("About a broken zip: can you help?")
    count = agent.get_by_role("navigation", name="Views").get_by_role("link", name="Unassigned")
    expect(count).to_contain_text(re.compile(r"\d"))
    shot(agent, "inbox-list")
    assert violations(agent) == []
    rest.patch("/tickets", params={"id": f"eq.{ticket['id']}"}, json={"priority": "urgent"}).raise_for_status()
    expect(row(agent, "A broken zip").get_by_role("img", name="Priority: Urgent")).to_be_visible()
    session = site.session("jonas@kestrel-outdoor.example")
    rest.patch(
        "/tickets", params={"id": f"eq.{ticket['id']}"}, json={"assignee_id": session["user"]["id"]}
    ).raise_for_status()
    expect(row(agent, "A broken zip")).to_have_count(0)


def test_the_list_is_worked_through_by_keyboard(site: Site, rest: httpx.Client, agent: Page) -> None:
    for subject in ("Third in line", "Second in line", "First in line"):
        open_ticket(site, rest, subject)
    look_at(agent, site, "All open")
    expect(row(agent, "First in line")).to_be_visible()
    agent.keyboard.press("j")
    expect(row(agent, "First in line").get_by_role("link")).to_be_focused()
    agent.keyboard.press("Enter")
    expect(agent.get_by_role("heading", name="First in line")).to_be_visible()
    agent.keyboard.press("j")
    expect(agent.get_by_role("heading", name="Second in line")).to_be_visible()
    agent.keyboard.press("k")
    expect(agent.get_by_role("heading", name="First in line")).to_be_visible()
    agent.keyboard.press("u")
    expect(agent).to_have_url(re.compile(r"/view/[0-9a-f-]+$"))


@pytest.mark.full
def test_many_tickets_are_changed_at_once_and_that_is_taken_back(site: Site, rest: httpx.Client, agent: Page) -> None:
    for number in ("one", "two"):
        open_ticket(site, rest, f"Bulk {number}")
    look_at(agent, site, "Unassigned")
    row(agent, "Bulk one").get_by_role("checkbox").check(force=True)
    row(agent, "Bulk two").get_by_role("checkbox").check(force=True)
    expect(agent.get_by_role("toolbar")).to_contain_text("2 selected")
    assert violations(agent) == []
    agent.keyboard.press("a")
    agent.get_by_role("option", name="Jonas Weber").click()
    expect(row(agent, "Bulk one")).to_have_count(0)
    expect(row(agent, "Bulk two")).to_have_count(0)
    agent.get_by_role("button", name="Undo").click()
    expect(row(agent, "Bulk one")).to_be_visible()
    expect(row(agent, "Bulk two")).to_be_visible()


def test_what_is_searched_for_is_found_marked_and_opens(site: Site, rest: httpx.Client, agent: Page) -> None:
    open_ticket(site, rest, "The quokka lamp")
    look_at(agent, site, "All open")
    agent.keyboard.press("/")
    expect(agent.get_by_role("searchbox")).to_be_focused()
    agent.keyboard.type("quokka")
    expect(row(agent, "The quokka lamp").locator("mark").first).to_have_text(re.compile("quokka", re.IGNORECASE))
    shot(agent, "inbox-search")
    assert violations(agent) == []
    agent.get_by_role("button", name="Contacts").click()
    agent.get_by_role("searchbox").fill("lena vogt")
    expect(agent.get_by_role("link", name="Lena Vogt")).to_be_visible()
    agent.keyboard.press("Escape")
    agent.keyboard.press("Control+k")
    agent.keyboard.type("quokka")
    agent.get_by_role("option", name="The quokka lamp").click()
    expect(agent.get_by_role("heading", name="The quokka lamp")).to_be_visible()


@pytest.mark.full
def test_a_member_opens_a_ticket_for_somebody_who_called_and_writes_first_to_another(
    site: Site, rest: httpx.Client, agent: Page
) -> None:
    open_ticket(site, rest, "So that Lena is known")
    look_at(agent, site, "All open")
    agent.keyboard.press("c")
    window = agent.get_by_role("dialog", name="New ticket")
    window.get_by_role("button", name="Open the ticket").click()
    expect(window.get_by_text("Choose a contact.")).to_be_visible()
    shot(agent, "inbox-new-ticket")
    assert violations(agent) == []
    window.get_by_role("button", name="Who is it about?").click()
    agent.keyboard.type("lena")
    agent.get_by_role("option", name="Lena Vogt").click()
    window.get_by_label("Subject").fill("She called about a stove")
    window.get_by_label("What they said").fill("The stove does not light.")
    window.get_by_role("button", name="Open the ticket").click()
    expect(agent.get_by_role("heading", name="She called about a stove")).to_be_visible()
    agent.keyboard.press("c")
    window.get_by_role("button", name="Who is it about?").click()
    agent.keyboard.type("new.face@list.example")
    agent.get_by_role("option", name="Add new.face@list.example").click()
    window.get_by_label("We write to them").check()
    window.get_by_label("Subject").fill("Your parcel")
    window.get_by_label("Message").fill("It is waiting for you.")
    window.get_by_role("button", name="Send").click()
    expect(agent.get_by_role("heading", name="Your parcel")).to_be_visible()
    expect(agent.get_by_text("It is waiting for you.").first).to_be_visible()


@pytest.mark.full
def test_a_view_of_ones_own_is_made_changed_and_deleted(site: Site, rest: httpx.Client, agent: Page) -> None:
    open_ticket(site, rest, "Burning", priority="urgent")
    open_ticket(site, rest, "Lukewarm")
    look_at(agent, site, "All open")
    agent.get_by_role("button", name="New view").click()
    window = agent.get_by_role("dialog", name="New view")
    window.get_by_label("Name").fill("Fires")
    window.get_by_role("button", name="Add a condition").click()
    window.get_by_role("combobox", name="What is asked").last.select_option(label="Priority")
    window.get_by_role("combobox", name="Value").last.select_option(label="Urgent")
    shot(agent, "inbox-view-editor")
    assert violations(agent) == []
    window.get_by_role("button", name="Make the view").click()
    expect(agent.get_by_role("heading", name="Fires")).to_be_visible()
    expect(row(agent, "Burning")).to_be_visible()
    expect(row(agent, "Lukewarm")).to_have_count(0)
    agent.get_by_role("button", name="Change Fires").click()
    agent.get_by_role("menuitem", name="Change the view").click()
    agent.get_by_role("button", name="Delete the view").click()
    agent.get_by_role("button", name="Really delete it").click()
    expect(agent.get_by_role("link", name="Fires")).to_have_count(0)


@pytest.mark.full
def test_the_bell_tells_at_once_and_falls_silent_when_it_is_read(site: Site, rest: httpx.Client, agent: Page) -> None:
    look_at(agent, site, "Mine")
    me = site.session("ines@kestrel-outdoor.example")["user"]["id"]
    ticket = open_ticket(site, rest, "For Inês", assignee_id=me)
    expect(agent.get_by_role("button", name=re.compile("Notifications, 1"))).to_be_visible()
    agent.get_by_role("button", name=re.compile("Notifications")).click()
    panel = agent.get_by_role("dialog", name="Notifications")
    expect(panel.get_by_role("link", name="Tom Okafor gave you a ticket")).to_be_visible()
    shot(agent, "inbox-notifications")
    assert violations(agent) == []
    panel.get_by_role("link", name="Tom Okafor gave you a ticket").click()
    expect(agent).to_have_url(re.compile(f"/ticket/{ticket['number']}$"))
    expect(agent.get_by_role("button", name="Notifications", exact=True)).to_be_visible()


@pytest.mark.full
def test_without_a_network_the_list_stays_and_catches_up(
    site: Site, rest: httpx.Client, open_page: Callable[..., Page], opened: Any
) -> None:
    opened.expected += ["ERR_INTERNET_DISCONNECTED", "WebSocket"]
    page = open_page("ines")
    look_at(page, site, "All open")
    expect(page.get_by_role("listitem").first).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("You are offline").first).to_be_visible()
    open_ticket(site, rest, "Missed meanwhile")
    expect(row(page, "Missed meanwhile")).to_have_count(0)
    page.context.set_offline(False)
    expect(row(page, "Missed meanwhile")).to_be_visible(timeout=20_000)


@pytest.mark.full
def test_on_a_phone_one_thing_is_shown_at_a_time_and_back_leads_to_where_one_was(
    site: Site, rest: httpx.Client, open_page: Callable[..., Page]
) -> None:
    for number in range(25):
        open_ticket(site, rest, f"Phone {number:02}")
    page = open_page("ines", viewport=PHONE, has_touch=True)
    page.goto(site.inbox)
    page.get_by_role("button", name="Show views").click()
    page.get_by_role("dialog").get_by_role("link", name="All open").click()
    expect(row(page, "Phone 24")).to_be_visible()
    shot(page, "inbox-list-phone")
    assert violations(page) == []
    scroller = page.locator("[aria-busy]").first
    scroller.evaluate("box => box.scrollTop = 900")
    row(page, "Phone 12").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Phone 12")).to_be_visible()
    expect(row(page, "Phone 12")).not_to_be_visible()
    page.go_back()
    expect(row(page, "Phone 12")).to_be_in_viewport()


@pytest.mark.full
def test_from_right_to_left(site: Site, rest: httpx.Client, open_page: Callable[..., Page]) -> None:
    open_ticket(site, rest, "Seen from the right")
    page = open_page("ines", locale="ar")
    page.goto(site.inbox)
    page.get_by_role("link", name="All open").click()
    expect(page.get_by_text("Seen from the right").first).to_be_visible()
    shot(page, "inbox-list-arabic")
    assert violations(page) == []
