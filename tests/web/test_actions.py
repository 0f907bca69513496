"""A ticket's bar and the panel beside it: worked through by keyboard, undone, merged, split, filed anew."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.waiting import until
from tests.web.conftest import Opened, Site, shot, violations


def rows(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


def opened_ticket(api: httpx.Client, site: Site, subject: str, contact: str | None = None) -> dict[str, Any]:
    organization = rows(api.get("/organizations", params={"slug": f"eq.{site.desk.slug}", "select": "id"}))[0]["id"]
    if contact is None:
        new = {"organization_id": organization, "name": f"Who asks: {subject}", "source": "hand"}
        contact = rows(api.post("/contacts", json=new))[0]["id"]
    ticket = {"organization_id": organization, "subject": subject, "body": f"{subject}: how come?", "channel": "phone"}
    found: dict[str, Any] = rows(api.post("/rpc/open_ticket", json=ticket | {"contact_id": contact}))
    return found


def now(api: httpx.Client, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = rows(api.get("/tickets", params={"id": f"eq.{ticket['id']}"}))[0]
    return found


def test_a_ticket_is_worked_through_by_keyboard_and_what_was_done_is_undone(site: Site, agent: Page) -> None:
    with site.rest("ines@kestrel-outdoor.example") as api:
        ticket = opened_ticket(api, site, "Tent pole bent")
        agent.goto(f"{site.inbox}/ticket/{ticket['number']}")
        bar = agent.locator("header").filter(has=agent.get_by_role("button", name=re.compile("^Status: ")))
        expect(bar.get_by_role("heading", level=1)).to_contain_text("Tent pole bent")
        expect(bar.get_by_role("button", name="Status: New")).to_be_visible()

        agent.keyboard.press("e")
        expect(bar.get_by_role("button", name="Status: Solved")).to_be_visible()
        told = agent.get_by_role("status").filter(has_text="is resolved")
        until(lambda: now(api, ticket)["status"] == "solved")
        told.get_by_role("button", name="Undo").click()
        expect(bar.get_by_role("button", name="Status: New")).to_be_visible()

        agent.keyboard.press("a")
        agent.keyboard.type("Jonas")
        agent.keyboard.press("Enter")
        expect(bar.get_by_role("button", name=re.compile("Assigned to: Jonas Weber"))).to_be_visible()
        agent.keyboard.press("p")
        agent.keyboard.type("urg")
        agent.keyboard.press("Enter")
        expect(bar.get_by_role("button", name="Priority: Urgent")).to_be_visible()
        agent.keyboard.press("t")
        agent.keyboard.type("bent poles")
        agent.keyboard.press("Enter")
        agent.keyboard.press("Escape")
        expect(bar.get_by_role("button", name="Take the tag bent poles off")).to_be_visible()
        agent.keyboard.press("s")
        agent.keyboard.type("Tomorrow")
        agent.keyboard.press("Enter")
        expect(bar.get_by_text("Until ")).to_be_visible()
        expect(agent.get_by_role("status").filter(has_text="Snoozed until")).to_be_visible()

        kept = {"priority": "urgent", "tags": ["bent poles"], "status": "on_hold"}
        until(lambda: now(api, ticket).items() >= kept.items())
        agent.keyboard.press("z")
        expect(bar.get_by_role("button", name="Status: New")).to_be_visible()


def test_what_the_desk_refuses_is_taken_back_and_tried_again(site: Site, agent: Page, opened: Opened) -> None:
    with site.rest("ines@kestrel-outdoor.example") as api:
        ticket = opened_ticket(api, site, "Stove smells")
        agent.goto(f"{site.inbox}/ticket/{ticket['number']}")
        status = agent.get_by_role("button", name=re.compile("^Status: "))
        expect(status).to_have_accessible_name("Status: New")
        opened.expected.append("net::ERR_FAILED")
        agent.route(
            "**/rest/v1/tickets?*", lambda route: route.abort() if route.request.method == "PATCH" else route.fallback()
        )
        agent.keyboard.press("e")
        wrong = agent.get_by_role("alert").filter(has_text="Not changed")
        expect(wrong).to_be_visible()
        expect(status).to_have_accessible_name("Status: New")
        agent.unroute("**/rest/v1/tickets?*")
        wrong.get_by_role("button", name="Try again").click()
        expect(status).to_have_accessible_name("Status: Solved")


def test_tickets_are_merged_and_split_and_both_is_taken_back(site: Site, agent: Page) -> None:
    with site.rest("ines@kestrel-outdoor.example") as api:
        ticket = opened_ticket(api, site, "Mug without its lid")
        other = opened_ticket(api, site, "Lid of the mug again", ticket["contact_id"])
        agent.goto(f"{site.inbox}/ticket/{ticket['number']}")
        expect(agent.get_by_role("heading", name=re.compile("^Mug without its lid"))).to_be_visible()
        agent.keyboard.press("m")
        agent.get_by_role("radio", name=re.compile(f"^#{other['number']} Lid of the mug again")).check()
        agent.get_by_role("button", name="Merge", exact=True).click()
        told = agent.get_by_role("status").filter(has_text="is part of ticket")
        expect(told).to_be_visible()
        assert now(api, other)["merged_into"] == ticket["id"]

        agent.keyboard.press("Shift+S")
        agent.get_by_role("checkbox", name=re.compile("Lid of the mug again: how come")).check()
        agent.get_by_label("Subject of the new ticket").fill("The lid")
        agent.get_by_role("button", name="Split off 1 message").click()
        expect(agent.get_by_role("heading", name=re.compile("^The lid"))).to_be_visible()
        agent.get_by_role("status").filter(has_text="was opened").get_by_role("button", name="Undo").click()
        expect(agent).to_have_url(re.compile(f"/ticket/{ticket['number']}$"))
        expect(agent.get_by_role("status").filter(has_text="Taken back")).to_be_visible()

        agent.get_by_role("button", name="More to do").first.click()
        with agent.expect_response(re.compile("rpc/undo_move")):
            agent.get_by_role("menuitem", name=f"Undo: ticket #{other['number']} merged").click()
        assert now(api, other)["merged_into"] is None


def test_beside_a_ticket_triage_is_corrected_and_learns(site: Site, agent: Page) -> None:
    with site.rest("ines@kestrel-outdoor.example") as api:
        ticket = opened_ticket(api, site, "Where is my order? The tracking link has not moved for four days")
        sure = {"ticket_id": f"eq.{ticket['id']}", "abstained": "is.false"}
        until(lambda: rows(api.get("/triage_results", params=sure)))
        agent.goto(f"{site.inbox}/ticket/{ticket['number']}")
        panel = agent.get_by_role("complementary", name="About this ticket")
        expect(panel.get_by_text(re.compile(r"\d+% sure"))).to_be_visible()
        panel.get_by_role("button", name="Why?").click()
        expect(panel.get_by_role("heading", name="Most like these, which people filed")).to_be_visible()
        shot(agent, "ticket-panel")
        guess = panel.get_by_role("button", name=re.compile("choose this")).first
        chosen = guess.locator("span").first.inner_text()
        guess.click()
        expect(panel.get_by_role("button", name=f"Category: {chosen}")).to_be_visible()
        expect(agent.get_by_role("status").filter(has_text="triage learns from it")).to_be_visible()
        learned = rows(api.get("/triage_examples", params={"ticket_id": f"eq.{ticket['id']}", "select": "source"}))
        assert learned == [{"source": "correction"}]


@pytest.mark.full
def test_on_a_phone_the_panel_is_a_drawer(site: Site, open_page: Any) -> None:
    page = open_page("ines", viewport={"width": 390, "height": 844})
    page.goto(f"{site.inbox}/ticket/1")
    button = page.get_by_role("button", name="Details")
    button.click()
    panel = page.get_by_role("complementary", name="About this ticket")
    expect(panel.get_by_role("heading", name="What it is about")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(button).to_be_focused()
