"""The inbox of a desk with a hundred thousand tickets: how soon it is there, how it scrolls, how fast it answers."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect
from psycopg import sql

from pgdesk.environment import ROOT
from tests.web.conftest import Opened, Site, shot

pytestmark = pytest.mark.full

TICKETS = 100_000
ORGANIZATION = "00000000-0000-7000-8000-000000000000"
VIEW = "00000000-0000-7000-e000-000000000000"
LOAD = ROOT / "bench" / "desk_load.sql"
NUMBERS = "-- As the clock of the numbers does"
FIRST_VIEW_MS = 1_000
INTERACTION_MS = 100
SCROLLED_FRAMES = 240
# Half of all frames come in time at 60 a second.
FRAME_MS = 25
SLOW_FRAME_MS = 50  # of the slowest in twenty

# When the first ticket is painted, counted from the navigation's beginning.
WATCH_FIRST_ROW = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("[data-ticket]")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRowAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
FIRST_ROW_AT = """() => new Promise((done) => {
  const ask = () => (window.firstRowAt ? done(window.firstRowAt) : setTimeout(ask, 20));
  ask();
})"""
# How long each press and click takes until the next paint, as INP counts it.
WATCH_EVENTS = """() => {
  window.answers = [];
  new PerformanceObserver((list) => {
    for (const each of list.getEntries())
      if (["keydown", "pointerdown", "click"].includes(each.name)) window.answers.push(each.duration);
  }).observe({ type: "event", durationThreshold: 16 });
}"""
SCROLL = """async (frames) => {
  const box = document.querySelector("[aria-busy]");
  const times = [];
  let before = performance.now();
  for (let frame = 0; frame < frames; frame++) {
    box.scrollTop += 240;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return { times, top: box.scrollTop, rows: document.querySelectorAll("[data-ticket]").length };
}"""


@pytest.fixture(scope="module")
def large(site: Site) -> Site:
    """A desk of that size on the stack, with a view of all its tickets; all users there are manage it."""
    with psycopg.connect(site.settings.database_url("supabase_admin"), autocommit=True) as admin:
        admin.execute(sql.SQL("set bench.tickets = {}").format(sql.Literal(str(TICKETS))))
        # Without the numbers of its reports, which nobody looks at here.
        load, rest = LOAD.read_text(encoding="utf-8").split(NUMBERS)
        admin.execute(load + "drop table" + rest.partition("\ndrop table")[2].replace("vacuum analyze;", ""))
        admin.execute(
            "insert into public.ticket_views (id, organization_id, name, conditions, position)"
            " values (%s, %s, 'Everything', %s, -1)",
            [VIEW, ORGANIZATION, json.dumps({"all": []})],
        )
        admin.execute("vacuum analyze")
    return site


@pytest.fixture
def page(large: Site, opened: Opened) -> Page:
    page = opened.page(large.session(large.desk.login))
    page.add_init_script(WATCH_FIRST_ROW)
    return page


def worst(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share) - 1] if times else 0


def test_the_first_view_is_there_within_a_second(large: Site, page: Page) -> None:
    took = []
    for _ in range(5):
        page.goto(f"{large.url}/inbox/desk/view/{VIEW}")
        took.append(page.evaluate(FIRST_ROW_AT))
    print(f"first view of {TICKETS} tickets: {[round(each) for each in took]} ms, the first with an empty cache")
    assert sorted(took)[len(took) // 2] < FIRST_VIEW_MS
    assert took[0] < 2 * FIRST_VIEW_MS


def test_a_hundred_thousand_tickets_scroll_smoothly(large: Site, page: Page) -> None:
    page.goto(f"{large.url}/inbox/desk/view/{VIEW}")
    expect(page.locator("[data-ticket]").first).to_be_visible()
    found: dict[str, Any] = page.evaluate(SCROLL, SCROLLED_FRAMES)
    times = found["times"]
    print(
        f"scrolled {found['top']} px in {len(times)} frames: median {worst(times, 0.5):.0f} ms,"
        f" p95 {worst(times, 0.95):.0f} ms, worst {max(times):.0f} ms; {found['rows']} rows in the page"
    )
    assert found["rows"] < 80
    assert worst(times, 0.5) < FRAME_MS
    assert worst(times, 0.95) < SLOW_FRAME_MS
    # Far down it is as it was above: the page after the hundredth costs what the first did.
    for _ in range(40):
        page.evaluate("() => { const box = document.querySelector('[aria-busy]'); box.scrollTop = box.scrollHeight; }")
        expect(page.locator("[data-ticket]").first).to_be_visible()
        page.wait_for_timeout(30)
    far: dict[str, Any] = page.evaluate(SCROLL, SCROLLED_FRAMES)
    print(f"from {far['top']} px on: p95 {worst(far['times'], 0.95):.0f} ms, worst {max(far['times']):.0f} ms")
    assert worst(far["times"], 0.5) < FRAME_MS
    assert worst(far["times"], 0.95) < SLOW_FRAME_MS
    shot(page, "inbox-list-large")


def test_what_is_pressed_is_answered_within_a_tenth_of_a_second(large: Site, page: Page) -> None:
    page.goto(f"{large.url}/inbox/desk/view/{VIEW}")
    expect(page.locator("[data-ticket]").first).to_be_visible()
    page.evaluate(SCROLL, SCROLLED_FRAMES)
    page.evaluate("() => { document.querySelector('[aria-busy]').scrollTop = 0; }")
    page.evaluate(WATCH_EVENTS)
    for key in ["j"] * 20 + ["x", "j", "x", "Escape", "k", "k"]:
        page.keyboard.press(key)
    page.locator("[data-ticket] a").nth(3).click()
    expect(page.get_by_role("heading", name="Ticket ")).to_be_visible()
    for key in ["j"] * 10:
        page.keyboard.press(key)
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")  # entries come in batches
    answers = page.evaluate("window.answers")
    print(f"answers slower than 16 ms: {sorted(answers, reverse=True)[:10]}")
    assert worst(answers, 0.98) < INTERACTION_MS
