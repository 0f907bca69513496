"""The keys that `pgrst.jwt_secret` names: a shared secret, a JSON Web Key or a set of them (RFC 7517)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any

import jwt

from infra.local import tokens

SHORTEST_SECRET = 32  # bytes
ALGORITHMS = {
    "oct": ("HS256", "HS384", "HS512"),
    "RSA": ("RS256", "RS384", "RS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
UNSEEN: Any = {f"verify_{claim}": False for claim in tokens.REGISTERED}


@dataclass(frozen=True)
class KeySet:
    """Equal if they were written alike. With no key in it, no token can be verified."""

    text: str
    keys: tuple[_Key, ...] = field(compare=False)

    @classmethod
    def read(cls, text: str, *, is_base64: bool) -> KeySet:
        """Raises ValueError for a secret that is too short, or no base64 although it should be."""
        if not text:
            return cls(text, ())
        secret = _decoded(text) if is_base64 else text.encode()
        written = _json(secret)
        if isinstance(written, dict) and isinstance(written.get("keys"), list):
            keys = written["keys"]
        elif isinstance(written, dict) and "kty" in written:
            keys = [written]
        elif len(secret) < SHORTEST_SECRET:
            raise ValueError("The JWT secret must be at least 32 characters long.")
        else:
            return cls(text, (_Key(None, ("HS256",), secret),))
        return cls(text, tuple(filter(None, map(_key, keys))))

    def verify(self, token: str) -> dict[str, Any]:
        """The claims, not looked at, of a token that a key has signed. Raises jwt.InvalidTokenError for any other."""
        header = jwt.get_unverified_header(token)
        algorithm, wanted = header.get("alg"), header.get("kid")
        if algorithm == "none":
            raise jwt.InvalidAlgorithmError("none")
        fitting = [key for key in self.keys if algorithm in key.algorithms and (wanted is None or key.id == wanted)]
        for key in fitting:
            try:
                return jwt.decode(token, key.secret, algorithms=list(key.algorithms), options=UNSEEN)
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError):
                continue
        raise jwt.InvalidSignatureError("no key fits")


@dataclass(frozen=True)
class _Key:
    id: str | None
    algorithms: tuple[str, ...]
    secret: Any


def _decoded(text: str) -> bytes:
    standard = text.strip().replace("_", "/").replace("-", "+").replace(".", "=")
    try:
        return base64.b64decode(standard, validate=True)
    except binascii.Error:
        raise ValueError("The JWT secret is no base64.") from None


def _json(secret: bytes) -> Any:
    try:
        return json.loads(secret)
    except ValueError:
        return None


def _key(written: Any) -> _Key | None:
    """None for a key that cannot verify signatures."""
    if not isinstance(written, dict) or written.get("use", "sig") != "sig":
        return None
    known = ALGORITHMS.get(written.get("kty", ""), ())
    algorithms = (written["alg"],) if written.get("alg") in known else known
    try:
        key = jwt.PyJWK(written, algorithms[0]).key
    except (jwt.PyJWTError, ValueError, KeyError, IndexError):
        return None
    public = getattr(key, "public_key", None)
    return _Key(written.get("kid"), algorithms, public() if public else key)
