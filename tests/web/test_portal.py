"""The portal as a customer meets it, and the help centre as pages that need no server."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from pgdesk import web
from tests.waiting import until
from tests.web.conftest import PHONE, Opened, Site, shot, violations


def link_in_mail(site: Site, address: str) -> str:
    """The link of the last mail to an address."""

    def found() -> str | None:
        url = f"http://127.0.0.1:{site.settings.mail_port}/api/messages"
        messages = [each for each in httpx.get(url).json() if address in json.dumps(each["to"])]
        if not messages:
            return None
        letter = httpx.get(f"{url}/{messages[0]['id']}").json()["html"]
        link = re.search(r'href="([^"]*/verify[^"]*)"', letter)
        return html.unescape(link[1]) if link else None

    return until(found)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, as any host of files would serve it."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def look_at(page: Page, name: str) -> None:
    assert violations(page) == [], name
    shot(page, name)


def test_a_customer_reads_writes_is_answered_and_rates(site: Site, open_page: Callable[..., Page]) -> None:
    address = f"lee-{uuid4().hex[:8]}@people.example"
    page = open_page()
    page.goto(f"{site.url}/portal/{site.desk.slug}")
    expect(page.get_by_role("heading", name="Returns")).to_be_visible()
    look_at(page, "portal-home")

    # They look for an article, and say that it was none.
    page.get_by_label("Search the help centre").fill("exchange for another size")
    page.keyboard.press("Enter")
    page.get_by_role("main").get_by_role("link", name="Exchange for another size or colour").click()
    page.get_by_role("button", name="No, not really").click()
    page.get_by_label("What was missing?").fill("Which box?")
    look_at(page, "portal-article")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Thank you, that helps us too.")).to_be_visible()

    # They write; what fits is suggested; the link of the mail brings them back to what they have written.
    page.get_by_role("link", name="Write to us").click()
    page.get_by_label("What is it about?").fill("My boots are too small")
    page.get_by_label("Tell us more").fill("How do I exchange them for a larger size?")
    expect(page.get_by_role("complementary").get_by_role("link").first).to_be_visible()
    page.get_by_label("E-mail").fill(address)
    look_at(page, "portal-new")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    page.goto(link_in_mail(site, address))
    expect(page).to_have_url(f"{site.url}/portal/{site.desk.slug}/tickets/new")
    page.locator("input[type=file]").set_input_files(
        {"name": "boot.txt", "mimeType": "text/plain", "buffer": b"size 42"}
    )
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", name="My boots are too small")).to_be_visible()
    expect(page.get_by_text("boot.txt")).to_be_visible()

    with site.rest("maya@kestrel-outdoor.example") as desk:
        number = page.url.rsplit("/", 1)[1]
        ticket = desk.get(f"/tickets?organization_id=eq.{site.desk.organization_id}&number=eq.{number}").json()[0]
        desk.patch(f"/organizations?id=eq.{site.desk.organization_id}", json={"ask_csat_after": "1 day"})
        # The answer comes while they look, and the desk is told that they have seen it.
        answer = {"ticket_id": ticket["id"], "body": "Send them back in any box.", "expected_seq": 100}
        desk.post("/rpc/send_reply", json=answer).raise_for_status()
        expect(page.get_by_text("Send them back in any box.")).to_be_visible()
        until(lambda: desk.get(f"/contact_reads?ticket_id=eq.{ticket['id']}&seq=gte.2").json())
        page.get_by_label("Your reply").fill("Wonderful, thank you")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_role("listitem").get_by_text("Wonderful, thank you")).to_be_visible()
        desk.patch(f"/tickets?id=eq.{ticket['id']}", json={"status": "solved"}).raise_for_status()
        expect(page.get_by_text("Solved")).to_be_visible()
        page.reload()
        page.get_by_label("5 stars of 5").click()
        expect(page.get_by_text("Thank you. You may change it.")).to_be_visible()
        look_at(page, "portal-ticket")
        rated = desk.get(f"/csat_ratings?ticket_id=eq.{ticket['id']}&select=score").json()
        assert rated == [{"score": 5}]
        heard = desk.get("/article_feedback?select=helpful,comment&comment=neq.").json()
        assert {"helpful": False, "comment": "Which box?"} in heard

    page.get_by_role("link", name="My tickets").first.click()
    expect(page.get_by_role("link", name="My boots are too small")).to_be_visible()
    look_at(page, "portal-tickets")


@pytest.mark.full
def test_a_form_is_filled_in_where_it_was_sent_and_what_is_missing_is_said(
    site: Site, open_page: Callable[..., Page]
) -> None:
    address = f"kim-{uuid4().hex[:8]}@people.example"
    page = open_page(viewport=PHONE)
    page.goto(f"{site.url}/portal/{site.desk.slug}/sign-in")
    page.get_by_label("E-mail").fill(address)
    look_at(page, "portal-sign-in")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    page.goto(link_in_mail(site, address))
    expect(page.get_by_text("You have not written to us yet")).to_be_visible()
    page.get_by_role("link", name="Write to us").click()
    page.get_by_label("What is it about?").fill("Send back")
    page.get_by_label("Tell us more").fill("I want to send something back")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_label("Your reply")).to_be_visible()
    organization = str(site.desk.organization_id)
    fields = [{"key": "order", "label": "Order number", "type": "text", "required": True}]
    with site.rest("maya@kestrel-outdoor.example") as desk:
        number = page.url.rsplit("/", 1)[1]
        ticket = desk.get(f"/tickets?organization_id=eq.{organization}&number=eq.{number}").json()[0]
        form = {"organization_id": organization, "name": f"Return {address}", "body": "Please say.", "fields": fields}
        template = desk.post("/action_templates", json=form).json()[0]
        sent = {"ticket_id": ticket["id"], "template_id": template["id"], "expected_seq": 100}
        desk.post("/rpc/send_form", json=sent).raise_for_status()
    page.get_by_role("button", name="Send the form").click()
    expect(page.get_by_text("This is needed.")).to_be_visible()
    look_at(page, "portal-form")
    page.get_by_label("Order number").fill("A-1")
    page.get_by_role("button", name="Send the form").click()
    expect(page.get_by_text("Filled in")).to_be_visible()
    expect(page.get_by_text("Order number: A-1")).to_be_visible()


def test_a_link_that_was_used_says_so_and_a_desk_that_is_not_there_too(
    site: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"{site.url}/portal/{site.desk.slug}/tickets?error=access_denied&error_code=otp_expired")
    expect(page.get_by_role("alert")).to_contain_text("That link has been used")
    assert "error" not in page.url
    page.goto(f"{site.url}/portal/nobody-here")
    expect(page.get_by_text("There is no help centre at this address")).to_be_visible()


@pytest.mark.full
def test_a_help_centre_reads_right_to_left_on_a_phone(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(locale="ar", viewport=PHONE)
    page.goto(f"{site.url}/portal/{site.desk.slug}")
    expect(page.get_by_role("heading", name="كيف يمكننا مساعدتك؟")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    look_at(page, "portal-home-rtl-phone")


@pytest.mark.full
def test_a_help_centre_is_written_as_pages_that_need_neither_server_nor_script(
    site: Site, opened: Opened, tmp_path: Path
) -> None:
    organization = {"organization_id": str(site.desk.organization_id)}
    body = "Read **this**.\n\n<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n[bad](javascript:alert(1))"
    with site.rest("maya@kestrel-outdoor.example") as desk:
        made = desk.post("/rpc/create_article", json=organization | {"title": 'A "hostile" <b>one</b>', "body": body})
        article = made.json()
        desk.post("/rpc/publish_article", json={"article_id": article["id"]}).raise_for_status()
        try:
            web.help_centre(
                site.desk.slug, tmp_path, "https://help.example", f"{site.url}/portal", site.settings.api_url,
                site.settings.keys.publishable_key,
            )  # fmt: skip
        finally:
            desk.post("/rpc/archive_article", json={"article_id": article["id"]}).raise_for_status()
    own = tmp_path / site.desk.slug
    written = own / "returns" / "return-an-item" / "index.html"
    assert written.exists(), sorted(str(each.relative_to(own)) for each in own.rglob("*.html"))
    text = written.read_text(encoding="utf-8")
    address = f"https://help.example/{site.desk.slug}/returns/return-an-item/"
    assert f'<link rel="canonical" href="{address}">' in text
    assert f'<meta property="og:url" content="{address}">' in text
    assert '<html lang="en" dir="ltr">' in text
    linked = [json.loads(each) for each in re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)]
    assert [each["@type"] for each in linked] == ["Article", "BreadcrumbList"]
    assert address in (own / "sitemap.xml").read_text(encoding="utf-8")

    hostile = own / "articles" / article["slug"] / "index.html"
    told = hostile.read_text(encoding="utf-8")
    assert "onerror" not in told.split("<article>")[1]
    assert "javascript:" not in told.split("<article>")[1]
    assert "<b>one" not in told
    with served(tmp_path) as url:
        page = opened.page(java_script_enabled=False)
        page.goto(f"{url}/{site.desk.slug}/")
        expect(page.get_by_role("heading", name="How can we help?")).to_be_visible()
        page.get_by_role("link", name="Returns", exact=True).click()
        page.get_by_role("main").get_by_role("link", name="Return an item").click()
        expect(page).to_have_url(f"{url}/{site.desk.slug}/returns/return-an-item/")
        expect(page.get_by_role("article")).to_contain_text("30 days")
        reader = opened.page()
        for name, path in (("home", ""), ("category", "returns/"), ("article", "returns/return-an-item/")):
            reader.goto(f"{url}/{site.desk.slug}/{path}")
            look_at(reader, f"help-centre-{name}")
