"""Pages as they are served: what a browser is told beside them, and signing in."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from infra.local.settings import CLI_SECRET_KEY
from pgdesk import web
from tests.web.conftest import Site, shot, violations


def test_a_member_signs_in_and_is_at_their_only_desk(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{site.url}/inbox/")
    shot(page, "sign-in")
    assert violations(page) == []
    page.get_by_label("E-mail").fill(site.desk.login)
    page.get_by_label("Password").fill(site.desk.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(f"/inbox/{site.desk.slug}"))
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_no_page_may_be_framed_and_scripts_come_from_the_site_alone(site: Site) -> None:
    for path in ("/inbox/", "/portal/", "/inbox/any/where"):
        headers = httpx.get(site.url + path, follow_redirects=True).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["default-src"] == "'none'"


def test_addresses_without_a_file_are_the_apps_and_others_are_not_there(site: Site) -> None:
    assert "<title>" in httpx.get(f"{site.url}/inbox/kestrel/view/1").text
    assert httpx.get(f"{site.url}/nowhere").status_code == 404
    assert httpx.get(f"{site.url}/_headers").status_code == 404
    assert httpx.get(f"{site.url}/assets/../config.json").json()["url"] == site.settings.api_url


def test_no_secret_is_in_any_bundle(pages: None) -> None:
    secret = re.compile(r"sb_secret_[A-Za-z0-9]|service_role\"|PRIVATE KEY|" + re.escape(CLI_SECRET_KEY))
    files = [file for file in web.DIST.rglob("*") if file.suffix in (".js", ".html", ".css", ".json")]
    assert files
    assert [file.name for file in files if secret.search(file.read_text(encoding="utf-8"))] == []
