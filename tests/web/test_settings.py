"""The settings, as admins, managers and members use them: what is set up here is what the desk goes by."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from infra.local.auth.totp import code_at
from tests.web.conftest import PHONE, Opened, Site, shot, violations

PAGES = (
    "profile", "availability", "security", "notifications", "appearance", "organization", "members", "teams", "skills",
    "addresses", "widgets", "routing", "sla", "hours", "categories", "statuses", "tags", "fields", "canned", "macros",
    "forms",
)  # fmt: skip


def new_user(site: Site, name: str) -> str:
    """Somebody with a confirmed address and the demo's password, who is a member of nothing."""
    keys = site.settings.keys
    email = f"{name}@kestrel-outdoor.example"
    answer = httpx.post(
        f"{site.settings.api_url}/auth/v1/admin/users",
        headers={"apikey": keys.secret_key, "authorization": f"Bearer {keys.secret_key}"},
        json={"email": email, "password": site.desk.password, "email_confirm": True},
    )
    answer.raise_for_status()
    return email


def settings(page: Page, site: Site, path: str) -> Page:
    page.goto(f"{site.inbox}/settings/{path}")
    return page


def rows(site: Site, path: str, as_: str = "maya") -> list[dict[str, Any]]:
    with site.rest(f"{as_}@kestrel-outdoor.example") as rest:
        found: list[dict[str, Any]] = rest.get(f"/{path}").json()
        return found


def saved(page: Page) -> None:
    """The window has closed by itself."""
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_who_is_invited_joins_right_after_signing_in(site: Site, owner: Page, open_page: Callable[..., Page]) -> None:
    email = new_user(site, "nora")
    settings(owner, site, "members")
    owner.get_by_label("E-mail").fill(email)
    owner.get_by_label("Role", exact=True).select_option(label="Agent")
    owner.get_by_role("button", name="Invite").click()
    line = owner.get_by_role("listitem").filter(has_text=email)
    expect(line.get_by_role("button", name="Take back")).to_be_visible()
    nora = open_page("nora")
    nora.goto(f"{site.url}/inbox/")
    expect(nora.get_by_text("as agent")).to_be_visible()
    assert violations(nora) == []
    nora.get_by_role("button", name="Join Kestrel").click()
    expect(nora).to_have_url(re.compile(f"/inbox/{site.desk.slug}"))
    owner.reload()
    expect(owner.get_by_role("list", name="Members")).to_contain_text("you")
    expect(line).to_have_count(0)


def test_rules_are_written_as_conditions_and_asked_in_the_order_that_people_give_them(
    site: Site, manager: Page, opened: Opened
) -> None:
    opened.expected.append("409")
    settings(manager, site, "routing")
    for name, subject in (("Parcels", "parcel"), ("Invoices", "invoice")):
        manager.get_by_role("button", name="New rule").click()
        dialog = manager.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_role("button", name="Add a condition").click()
        dialog.get_by_label("What is asked").select_option(label="Subject")
        dialog.get_by_label("Value").fill(subject)
        dialog.get_by_label("Priority").select_option(label="High")
        dialog.get_by_role("button", name="Save").click()
        saved(manager)
        expect(manager.get_by_text(f"Subject contains “{subject}” → High")).to_be_visible()
    handle = manager.get_by_role("button", name=re.compile("^Move Invoices"))
    handle.press("ArrowUp")
    names = manager.get_by_role("button", name=re.compile("^(Parcels|Invoices)$"))
    expect(names).to_have_text(["Invoices", "Parcels"])
    manager.reload()
    expect(names).to_have_text(["Invoices", "Parcels"])
    # What the database refuses is said in the form, where nothing is lost.
    manager.get_by_role("button", name="New rule").click()
    dialog = manager.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Invoices")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("This is taken already.")
    expect(dialog.get_by_label("Name")).to_have_value("Invoices")


@pytest.mark.full
def test_a_calendar_has_hours_and_holidays(site: Site, manager: Page) -> None:
    settings(manager, site, "hours")
    manager.get_by_role("button", name="New calendar").first.click()
    dialog = manager.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Night shift")
    dialog.get_by_label("Time zone").fill("Europe/Berlin")
    dialog.get_by_label("Monday: opens").fill("20:00")
    dialog.get_by_label("Monday: closes").fill("23:30")
    dialog.get_by_role("button", name="Remove these hours on Friday").click()
    dialog.get_by_role("button", name="Add a holiday").click()
    dialog.get_by_label("Day", exact=True).fill("2030-12-25")
    dialog.get_by_label("Name of the holiday").fill("Christmas")
    dialog.get_by_role("button", name="Save").click()
    saved(manager)
    expect(manager.get_by_text("Europe/Berlin · open on 4 days · 1 holiday")).to_be_visible()
    (kept,) = rows(site, "calendars?name=eq.Night shift&select=calendar_hours(weekday,opens),calendar_holidays(day)")
    assert {"weekday": 1, "opens": "20:00:00"} in kept["calendar_hours"]
    assert len(kept["calendar_hours"]) == 4
    assert kept["calendar_holidays"] == [{"day": "2030-12-25"}]


@pytest.mark.full
def test_tags_stand_below_each_other_and_are_moved(site: Site, manager: Page) -> None:
    settings(manager, site, "tags")
    for name, parent in (("zone", None), ("zone north", "zone"), ("zone south", None)):
        manager.get_by_role("button", name="New tag").click()
        dialog = manager.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        if parent:
            dialog.get_by_label("Stands below").select_option(label=parent)
        dialog.get_by_role("button", name="Save").click()
        saved(manager)
    manager.get_by_role("button", name="zone south", exact=True).click()
    manager.get_by_role("dialog").get_by_label("Stands below").select_option(label="zone")
    manager.get_by_role("dialog").get_by_role("button", name="Save").click()
    saved(manager)
    kept = {row["name"]: row for row in rows(site, "tags?name=like.zone*&select=id,name,parent_id")}
    assert {kept[name]["parent_id"] for name in ("zone north", "zone south")} == {kept["zone"]["id"]}
    names = manager.get_by_role("button", name=re.compile("^zone( north| south)?$"))
    expect(names).to_have_text(["zone", "zone north", "zone south"])


def test_a_second_factor_is_turned_on_and_asked_for(site: Site, open_page: Callable[..., Page]) -> None:
    email = new_user(site, "otto")
    page = open_page("otto")
    page.goto(f"{site.url}/inbox/")
    page.get_by_role("button", name="Begin a new desk").click()
    page.get_by_label("Name of the organization").fill("Otto’s Boats")
    expect(page.get_by_label("Address")).to_have_value("otto-s-boats")
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile("/inbox/otto-s-boats"))
    page.goto(f"{site.url}/inbox/otto-s-boats/settings/security")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("img", name="Picture for the authenticator app")).to_be_visible()
    secret = page.locator("code").inner_text()
    page.get_by_label("Code of your authenticator").fill(code_at(secret, time.time()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("button", name="Turn off")).to_be_visible()
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(site.desk.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Second factor", exact=True)).to_be_visible()
    assert violations(page) == []
    # A code is good once: the next one.
    page.get_by_label("Code of your authenticator").fill(code_at(secret, time.time() + 30))
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


@pytest.mark.full
def test_what_is_not_saved_is_not_lost_by_a_slip(site: Site, owner: Page) -> None:
    settings(owner, site, "organization")
    style = owner.get_by_label("How the AI writes")
    style.fill("Short and warm.")
    owner.get_by_role("link", name="Teams").click()
    owner.get_by_role("button", name="Keep editing").click()
    expect(style).to_have_value("Short and warm.")
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def test_pages_that_a_role_can_do_nothing_on_are_not_offered(site: Site, agent: Page) -> None:
    settings(agent, site, "")
    pages = agent.get_by_role("navigation", name="Settings")
    expect(pages.get_by_role("link", name="Canned responses")).to_be_visible()
    expect(pages.get_by_role("link", name="Members")).to_have_count(0)
    settings(agent, site, "members")
    expect(agent.get_by_text("Your role in this desk does not include this page.")).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize("path", PAGES)
def test_every_page_can_be_used_by_everybody(site: Site, owner: Page, path: str) -> None:
    settings(owner, site, path)
    expect(owner.get_by_role("main").get_by_role("heading").first).to_be_visible()
    expect(owner.get_by_role("status", name="Loading")).to_have_count(0)
    shot(owner, f"settings-{path}")
    assert violations(owner) == []
    owner.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert owner.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(owner, f"settings-{path}-phone")
