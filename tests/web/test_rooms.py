"""The members' own chat: two of them in a room, live."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Site, shot, violations


@pytest.mark.full
def test_two_members_talk_and_see_at_once_what_is_said_changed_and_deleted(
    site: Site, open_page: Callable[..., Page]
) -> None:
    ines, tom = open_page("ines"), open_page("tom")
    ines.goto(f"{site.inbox}/rooms")
    ines.get_by_role("button", name="New room").click()
    ines.get_by_label("Name", exact=True).fill("Packing table")
    ines.get_by_role("button", name="Add people").click()
    ines.get_by_role("option", name="Tom Okafor").click()
    ines.keyboard.press("Escape")
    ines.get_by_role("button", name="Open the room").click()
    write = ines.get_by_role("combobox", name="Message to Packing table")
    write.fill("Who has the tape?")
    write.press("Enter")
    log = ines.get_by_role("log", name="Packing table")
    expect(log.get_by_role("article")).to_have_count(1)

    tom.goto(f"{site.inbox}/rooms")
    room = tom.get_by_role("navigation", name="Team chat").get_by_role("link", name=re.compile("Packing table"))
    expect(room).to_contain_text("1 unread message")
    room.click()
    toms = tom.get_by_role("log", name="Packing table")
    expect(toms.get_by_text("Who has the tape?")).to_be_visible()
    expect(room).not_to_contain_text("unread")

    write.press_sequentially("And @To")
    write.press("Enter")
    write.press_sequentially("the labels?")
    write.press("Enter")
    expect(toms.get_by_text("@Tom Okafor")).to_be_visible()
    expect(tom.get_by_role("button", name=re.compile("Notifications"))).to_be_visible()
    shot(tom, "room")
    assert violations(tom) == []

    first = log.get_by_role("article").first
    first.hover()
    first.get_by_role("button", name="Change").click()
    first.get_by_label("Change").fill("Who has the blue tape?")
    first.get_by_label("Change").press("Enter")
    expect(toms.get_by_text("Who has the blue tape?")).to_be_visible()
    first.hover()
    first.get_by_role("button", name="Delete").click()
    first.get_by_role("button", name="Delete for good").click()
    expect(toms.get_by_text("This message was deleted.")).to_be_visible()
