"""Media types: what a client accepts, and what is made of the rows for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from infra.local.rest.errors import no_such_media_type
from infra.local.rest.schema import Name, SchemaCache

JSON = "application/json"
OPENAPI = "application/openapi+json"
_PARAMETER = re.compile(r"\s*;\s*([A-Za-z0-9-]+)\s*=\s*(?:\"([^\"]*)\"|([A-Za-z0-9|.-]+))")
_HEAD = re.compile(r"\s*([A-Za-z0-9.*]+)/([A-Za-z0-9.*+-]+)")
PLAN_OPTIONS = ("analyze", "verbose", "settings", "buffers", "wal")


@dataclass(frozen=True)
class MediaType:
    """`kind` is the type without parameters. `plan_of` is what a plan is asked for."""

    kind: str
    strip_nulls: bool = False
    plan_of: MediaType | None = None
    plan_format: Literal["text", "json"] = "text"
    plan_options: tuple[str, ...] = ()

    @property
    def singular(self) -> bool:
        return self.kind == "application/vnd.pgrst.object+json"

    def __str__(self) -> str:
        if self.plan_of is not None:
            options = f"; options={'|'.join(self.plan_options)}" if self.plan_options else ""
            return f'application/vnd.pgrst.plan+{self.plan_format}; for="{self.plan_of}"{options}'
        return self.kind + (";nulls=stripped" if self.strip_nulls else "")

    @property
    def content_type(self) -> str:
        known = self.kind in _TEXTUAL or self.kind.startswith("application/vnd.pgrst.")
        return f"{self}; charset=utf-8" if known else str(self)


FORM = "application/x-www-form-urlencoded"
_TEXTUAL = frozenset({JSON, OPENAPI, FORM, "application/geo+json", "text/csv", "text/plain", "text/xml", "*/*"})


@dataclass(frozen=True)
class Handler:
    """How rows become a body: `function` is a handler of the database's own, for rows of `target` (None: any)."""

    kind: Literal["array", "object", "csv", "geojson", "function", "none"]
    strip_nulls: bool = False
    function: Name | None = None
    target: Name | None = None


@lru_cache(maxsize=512)
def decode(text: str) -> MediaType:
    """One media type with its parameters. What is not known is kept as it is, parameters and all."""
    head = _HEAD.match(text)
    if head is None:
        return MediaType(text.strip())
    kind = f"{head.group(1)}/{head.group(2)}".lower()
    parameters = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text[head.end() :])}
    stripped = parameters.get("nulls") == "stripped"
    if kind in ("application/vnd.pgrst.object+json", "application/vnd.pgrst.object"):
        return MediaType("application/vnd.pgrst.object+json", strip_nulls=stripped)
    if kind in ("application/vnd.pgrst.array+json", "application/vnd.pgrst.array"):
        return MediaType("application/vnd.pgrst.array+json", strip_nulls=True) if stripped else MediaType(JSON)
    if kind in ("application/vnd.pgrst.plan", "application/vnd.pgrst.plan+text", "application/vnd.pgrst.plan+json"):
        options = parameters.get("options", "").split("|")
        return MediaType(
            "application/vnd.pgrst.plan",
            plan_of=decode(parameters.get("for", JSON)),
            plan_format="json" if kind.endswith("+json") else "text",
            plan_options=tuple(option for option in PLAN_OPTIONS if option in options),
        )
    return MediaType(kind if kind in _TEXTUAL or kind == "application/octet-stream" else text)


@lru_cache(maxsize=512)
def accepted(header: str | None) -> tuple[MediaType, ...]:
    """The types of an Accept header (RFC 9110 12.5.1), most wanted first; of equal weight, the more specific first."""
    if not header or not header.strip():
        return (MediaType("*/*"),)
    weighted: list[tuple[float, int, str]] = []
    for part in header.replace(" ", "").split(","):
        wanted, _, rest = part.partition(";q=")
        try:
            quality = float(rest.partition(";")[0]) if rest else 1.0
        except ValueError:
            quality = 1.0
        if wanted:
            weighted.append((-quality, wanted.count("*") - wanted.count(";"), wanted))
    # What has the same weight stays in the order it came.
    ordered = sorted(weighted, key=lambda each: each[:2])
    return tuple(decode(wanted) for _, _, wanted in ordered) or (MediaType("*/*"),)


def negotiate(
    cache: SchemaCache, wanted: tuple[MediaType, ...], resource: Name, *, default_select: bool, plans: bool
) -> tuple[Handler, MediaType]:
    """The first of the `wanted` types that can be made, and how. Raises ApiError PGRST107."""
    for media in wanted:
        found = _handler(cache, media, resource, default_select=default_select, plans=plans)
        if found is not None:
            return found
    raise no_such_media_type([str(media) for media in wanted])


def _handler(
    cache: SchemaCache, media: MediaType, resource: Name, *, default_select: bool, plans: bool
) -> tuple[Handler, MediaType] | None:
    if media.singular:
        return Handler("object", media.strip_nulls), media
    if media.kind == "application/vnd.pgrst.array+json":
        return Handler("array", strip_nulls=True), media
    if media.plan_of is not None:
        inner = plans and _handler(cache, media.plan_of, resource, default_select=default_select, plans=False)
        return (inner[0], media) if inner else None
    handlers = cache.media_handlers
    if handlers:
        for key in ((resource, "*/*"), (resource, media.kind)) if default_select else ():
            if key in handlers:
                return Handler("function", function=handlers[key], target=resource), _resolved(key[1])
        if (None, media.kind) in handlers:
            return Handler("function", function=handlers[None, media.kind]), _resolved(media.kind)
    kind = _BUILT_IN.get(media.kind)
    return (Handler(kind), MediaType(JSON) if media.kind == "*/*" else media) if kind else None


def _resolved(kind: str) -> MediaType:
    return MediaType("application/octet-stream" if kind == "*/*" else kind)


_BUILT_IN: dict[str, Literal["array", "csv", "geojson"]] = {
    "*/*": "array",
    JSON: "array",
    "text/csv": "csv",
    "application/geo+json": "geojson",
}
