"""A folder of static pages as a host of static pages serves it: what is in `_headers` and `_redirects` holds.

Both files are those of Netlify and Cloudflare Pages: `_headers` has a path pattern and, indented below it, headers;
`_redirects` has lines of pattern, target and status, 200 for a page that answers for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HIDDEN = ("_headers", "_redirects")


@dataclass(frozen=True)
class Redirect:
    pattern: str
    target: str
    status: int


class Pages(StaticFiles):
    """ASGI application over a furnished folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self._headers = read_headers(_text(folder / "_headers"))
        self._redirects = read_redirects(_text(folder / "_redirects"))

    async def get_response(self, path: str, scope: Scope) -> Response:
        asked = scope["path"]
        response = await self._answer(path, asked, scope)
        for pattern, name, value in self._headers:
            if fnmatchcase(asked, pattern):
                response.headers[name] = value
        return response

    async def _answer(self, path: str, asked: str, scope: Scope) -> Response:
        if path in HIDDEN:
            return PlainTextResponse("Not found", 404)
        moved = next((each for each in self._redirects if fnmatchcase(asked, each.pattern)), None)
        if moved and moved.status != 200:
            return RedirectResponse(moved.target, moved.status)
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if not moved:
                return PlainTextResponse(error.detail, error.status_code)
            return await super().get_response(moved.target.lstrip("/"), scope)


def read_headers(text: str) -> list[tuple[str, str, str]]:
    """Pattern, name and value of each header, in order: of two that hold, the later one counts."""
    found: list[tuple[str, str, str]] = []
    pattern = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line[0].isspace():
            pattern = line.strip()
        else:
            name, _, value = line.strip().partition(":")
            found.append((pattern, name.strip(), value.strip()))
    return found


def read_redirects(text: str) -> list[Redirect]:
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [Redirect(pattern, target, int(rest[0]) if rest else 301) for pattern, target, *rest in lines]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
