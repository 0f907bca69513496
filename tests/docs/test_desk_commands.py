"""Every command of docs/desk.md does what the page says: bash runs them, against a real gateway."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from infra.local import tokens
from tests.data_model.shop import Shop
from tests.rest.conftest import serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "desk.md"
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


def test_every_command_of_the_page_works(shop: Shop, tmp_path: Path) -> None:
    owner, ticket = shop.member("owner"), shop.ticket()
    shop.say(ticket)
    team = shop.value(
        "insert into public.teams (organization_id, name) values (%s, 'Support') returning id", shop.organization
    )
    curl = tmp_path / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    blocks = re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    token = tokens.sign(shop.settings.keys, owner.claims | {"aud": "authenticated", "exp": int(time.time()) + 60})
    with serving(shop.settings) as rest:
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "API": rest.removesuffix("/rest/v1"),
            "KEY": shop.settings.keys.publishable_key, "TOKEN": token, "ORG": str(shop.organization),
            "TICKET": str(ticket), "TEAM": str(team), "MEMBER": str(owner.user_id),
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "".join(blocks)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    row = shop.ticket_row(ticket)
    assert (row["tags"], row["priority"], row["status"], row["assignee_id"]) == (
        ["refund"], "high", "on_hold", owner.user_id,
    )  # fmt: skip
    assert '"first_response"' in done.stdout
    assert "can take it" in done.stdout
