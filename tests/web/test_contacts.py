"""The contacts' page: making one, finding, changing and merging them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.web.conftest import Site, shot, violations


def test_a_contact_is_made_found_and_described(site: Site, agent: Page) -> None:
    agent.goto(f"{site.inbox}/contacts")
    expect(agent.get_by_role("heading", name="Contacts", level=1)).to_be_visible()
    agent.keyboard.press("c")
    agent.get_by_label("Name", exact=True).fill("Zora Quill")
    agent.get_by_label("E-mail").fill("Zora.Quill@inks.example")
    agent.get_by_role("button", name="Save").click()
    card = agent.get_by_role("heading", name="Zora Quill")
    expect(card).to_be_visible()
    expect(agent.get_by_role("link", name="zora.quill@inks.example", exact=True)).to_be_visible()

    agent.keyboard.press("/")
    agent.keyboard.type("inks quil")
    found = agent.get_by_role("list", name="People").get_by_role("link")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Zora Quill")

    note = agent.get_by_label("Write a note about this contact")
    note.fill("Writes with a fountain pen.")
    note.press("Control+Enter")
    expect(agent.get_by_role("article").filter(has_text="fountain pen")).to_be_visible()
    agent.get_by_role("button", name="Tags of the contact").click()
    agent.keyboard.type("stationery")
    agent.keyboard.press("Enter")
    agent.keyboard.press("Escape")
    expect(agent.get_by_role("button", name="Take the tag stationery off")).to_be_visible()
    shot(agent, "contact")
    assert violations(agent) == []


def test_two_contacts_become_one_and_two_again(site: Site, agent: Page) -> None:
    with site.rest("ines@kestrel-outdoor.example") as api:
        organization = api.get("/organizations", params={"select": "id", "slug": f"eq.{site.desk.slug}"}).json()[0][
            "id"
        ]
        pair = [
            {"organization_id": organization, "name": "Otto Veldkamp", "email": "otto.veldkamp@mill.example"},
            {"organization_id": organization, "name": "Otto Veldkamp", "email": "ottoveldkamp+web@mill.example"},
        ]
        kept, lost = [each["id"] for each in api.post("/contacts", json=pair).raise_for_status().json()]
    agent.goto(f"{site.inbox}/contacts/duplicates")
    suggestion = agent.get_by_role("article").filter(has_text="otto.veldkamp@mill.example")
    expect(suggestion.get_by_text("same mailbox")).to_be_visible()
    suggestion.get_by_role("button", name="Keep Otto Veldkamp, otto.veldkamp@mill.example").click()
    told = agent.get_by_role("status").filter(has_text="is part of Otto Veldkamp now")
    expect(told).to_be_visible()
    expect(suggestion).to_have_count(0)
    agent.goto(f"{site.inbox}/contacts/{lost}")
    expect(agent.get_by_text("This contact is no longer there")).to_be_visible()
    agent.goto(f"{site.inbox}/contacts/{kept}")
    agent.get_by_role("button", name=re.compile("^Undo: Otto Veldkamp")).click()
    expect(agent.get_by_role("status").filter(has_text="stands for themselves again")).to_be_visible()
    agent.goto(f"{site.inbox}/contacts/{lost}")
    expect(agent.get_by_role("heading", name="Otto Veldkamp")).to_be_visible()
