"""An OpenID Connect provider of the tests' own: discovery, authorization with a code, tokens, keys, user info."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.serving import serve

CLIENT_ID, SECRET = "the-project", "a secret"


@dataclass
class OidcProvider:
    """`user` is whoever signs in there; `tamper` are claims that its next ID tokens have otherwise."""

    url: str = ""
    user: dict[str, Any] = field(default_factory=dict)
    tamper: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    with_id_token: bool = True
    asked: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.jwk = public | {"kid": "one", "alg": "RS256", "use": "sig"}

    def id_token(self, **claims: Any) -> str:
        now = int(time.time())
        told = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 600} | self.user | self.tamper | claims
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, self.key, algorithm=self.algorithm, headers={"kid": "one"})

    def routes(self) -> list[Route]:
        return [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/jwks", self._jwks),
            Route("/userinfo", self._userinfo),
        ]

    async def _discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "userinfo_endpoint": f"{self.url}/userinfo",
            }
        )

    async def _authorize(self, request: Request) -> Response:
        """The user agrees at once."""
        given = dict(request.query_params)
        self.asked.append(given)
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        return RedirectResponse(f"{given['redirect_uri']}?{urlencode({'code': code, 'state': given['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        given = self._codes.pop(form.get("code", ""), None)
        right = given is not None and form.get("redirect_uri") == given["redirect_uri"]
        right = right and (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, SECRET)
        if given is not None and "code_challenge" in given:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            right = right and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == given["code_challenge"]
        if not right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": "theirs", "refresh_token": "theirs too", "token_type": "Bearer"}
        return JSONResponse(answer | ({"id_token": self.id_token()} if self.with_id_token else {}))

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.jwk]})

    async def _userinfo(self, request: Request) -> Response:
        known = request.headers.get("authorization") == "Bearer theirs"
        return JSONResponse(self.user if known else {}, 200 if known else 401)


@contextmanager
def provider() -> Iterator[OidcProvider]:
    made = OidcProvider()
    with serve(Starlette(routes=made.routes())) as url:
        made.url = url
        yield made
