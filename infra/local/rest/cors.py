"""Cross-origin requests: what a browser may send, and what of an answer it may read.

https://docs.postgrest.org/en/v16/references/api/cors.html
"""

from __future__ import annotations

from infra.local.rest.request import Request
from infra.local.rest.response import Headers, Response

METHODS = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
ALWAYS_ALLOWED = ("Accept", "Accept-Language", "Content-Language")
EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, "
    "Range-Unit"
)
PREFLIGHT_SECONDS = 86400


def preflight(request: Request, origin: str, allowed: tuple[str, ...]) -> Response | None:
    """The answer to a question ahead of a request; None where `request` is none, or comes from elsewhere."""
    if request.method != "OPTIONS":
        return None
    method, shared = request.header("access-control-request-method"), _origin(origin, allowed)
    if shared is None or method is None or method not in METHODS.split(", "):
        return None
    headers = [*shared, ("Access-Control-Allow-Methods", METHODS)]
    asked = request.header("access-control-request-headers")
    if asked is not None:
        names = ["Authorization", *(name.strip() for name in asked.split(",")), *ALWAYS_ALLOWED]
        distinct: dict[str, str] = {}
        for name in filter(None, names):
            distinct.setdefault(name.lower(), name)
        headers.append(("Access-Control-Allow-Headers", ", ".join(distinct.values())))
    return Response(200, [*headers, ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS))])


def opened(response: Response, origin: str, allowed: tuple[str, ...]) -> Response:
    """`response` as a page of `origin` may read it; as it was, where that is not among the `allowed`."""
    shared = _origin(origin, allowed)
    if shared is not None:
        own = {name.lower() for name, _ in response.headers}
        added = [*shared, ("Access-Control-Expose-Headers", EXPOSED)]
        response.headers += [pair for pair in added if pair[0].lower() not in own]
    return response


def _origin(origin: str, allowed: tuple[str, ...]) -> Headers | None:
    if not allowed:
        return [("Access-Control-Allow-Origin", "*")]
    if origin not in allowed:
        return None
    return [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
