"""Every command of these pages does what the page says: bash runs them, against a real gateway."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import pytest

from infra.local import tokens
from tests.data_model.shop import Shop
from tests.rest.conftest import serving

DOCS = Path(__file__).parents[2] / "docs"
# The first defines the functions of the shell that the others use too.
PAGES = (
    "desk.md",
    *sorted(page.name for page in DOCS.glob("*.md") if page.name != "desk.md" and "\ndesk " in page.read_text()),
)
# As much of curl as the page uses, so that it need not be installed. Fails, as curl -f does, on an error.
CURL = f"""#!{sys.executable}
import sys, urllib.error, urllib.request
arguments, headers, method, data = iter(sys.argv[1:]), {{}}, None, None
for each in arguments:
    if each == "-H":
        name, value = next(arguments).split(": ", 1)
        headers[name] = f"{{headers[name]}}, {{value}}" if name in headers else value
    elif each == "-X":
        method = next(arguments)
    elif each == "-d":
        data = next(arguments).encode()
    elif each != "-s":
        url = each
request = urllib.request.Request(url, data, headers, method=method)
try:
    with urllib.request.urlopen(request) as answer:
        print(answer.read().decode())
except urllib.error.HTTPError as error:
    print(url, error.code, error.read().decode(), file=sys.stderr)
    sys.exit(22)
"""


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def _run(shop: Shop, folder: Path, page: str, environment: dict[str, str]) -> str:
    """What the page's commands print, as the owner of `shop`."""
    owner = shop.member("owner")
    curl = folder / "curl"
    if program := shutil.which("curl"):
        curl.write_text(f'#!/bin/sh\nexec {program} --fail-with-body "$@"\n')
    else:
        curl.write_text(CURL)
    curl.chmod(0o755)
    token = tokens.sign(
        shop.settings.keys, owner.claims | {"aal": "aal2", "aud": "authenticated", "exp": int(time.time()) + 60}
    )
    prelude = [] if page == PAGES[0] else _blocks(PAGES[0])[:1]
    with serving(shop.settings) as rest:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "".join(prelude + _blocks(page))],
            env={
                "PATH": f"{folder}:{os.environ['PATH']}", "API": rest.removesuffix("/rest/v1"),
                "KEY": shop.settings.keys.publishable_key, "TOKEN": token, "ORG": str(shop.organization),
                "MEMBER": str(owner.user_id), **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _things(shop: Shop) -> dict[str, str]:
    """What the pages speak of: a ticket with a message, its contact, a team, and two members."""
    ticket = shop.ticket()
    shop.say(ticket)
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'Support') returning id", shop.organization
    )
    return {
        "TICKET": str(ticket), "CONTACT": str(shop.ticket_row(ticket)["contact_id"]), "TEAM": str(team),
        "COLLEAGUE": str(shop.member().user_id), "HEIR": str(shop.member().user_id),
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES[1:])
def test_every_command_of_the_page_works(shop: Shop, tmp_path: Path, page: str) -> None:
    assert _run(shop, tmp_path, page, _things(shop))


def test_every_command_of_the_desk_works(shop: Shop, tmp_path: Path) -> None:
    things = _things(shop)
    printed = _run(shop, tmp_path, "desk.md", things)
    row = shop.ticket_row(UUID(things["TICKET"]))
    assert (row["tags"], row["priority"], row["status"]) == (["refund"], "high", "on_hold")
    assert row["assignee_id"]
    assert '"first_response"' in printed
    assert "can take it" in printed
