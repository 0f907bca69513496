"""Tokens that somebody without any of the project's secrets can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER = "00000000-0000-0000-0000-000000000001"
Forge = Callable[[dict[str, Any], str], str]


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {"role": "service_role", "sub": USER, "aud": "authenticated", "aal": "aal1", "iat": now, "exp": now + 3600}
    return told | changes


def signed(header: dict[str, Any], key: bytes) -> str:
    """By HMAC, whatever the header says."""
    head = f"{part(header)}.{part(claims())}"
    return f"{head}.{part(hmac.new(key, head.encode(), hashlib.sha256).digest())}"


def forged(published: dict[str, Any], genuine: str) -> dict[str, str]:
    """By name. `published` is the project's first public key, as a JWK; `genuine` a token that the project accepts."""
    kid = published.get("kid", "")
    stranger = ec.generate_private_key(ec.SECP256R1())
    public_jwk = jwt.algorithms.ECAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    critical = {"alg": "ES256", "kid": kid, "crit": ["x"]}
    told = {
        f"alg {name}": f"{part({'alg': name, 'typ': 'JWT'})}.{part(claims())}." for name in ("none", "None", "nOnE", "")
    }
    told |= {
        "alg none with the known kid": f"{part({'alg': 'none', 'kid': kid})}.{part(claims())}.",
        "alg none with a signature": f"{part({'alg': 'none'})}.{part(claims())}.{genuine.split('.')[2]}",
        "no alg": f"{part({'typ': 'JWT', 'kid': kid})}.{part(claims())}.{part(b'x')}",
        "alg is no text": f"{part({'alg': ['HS256'], 'kid': kid})}.{part(claims())}.{part(b'x')}",
        "kid is no text": f"{part({'alg': 'ES256', 'kid': {'a': 1}})}.{part(claims())}.{part(b'x' * 64)}",
        "HS256 by an empty secret": signed({"alg": "HS256"}, b""),
        "HS256 by a guess": signed({"alg": "HS256"}, b"secret"),
        "a stranger's key": jwt.encode(claims(), stranger, "ES256", {"kid": "unknown"}),
        "a stranger's key, no kid": jwt.encode(claims(), stranger, "ES256"),
        "a stranger's key under the known kid": jwt.encode(claims(), stranger, "ES256", {"kid": kid}),
        "a stranger's key that the token brings": jwt.encode(claims(), stranger, "ES256", {"jwk": public_jwk}),
        "a key at an address": jwt.encode(claims(), stranger, "ES256", {"jku": "http://127.0.0.1:1/keys", "kid": "x"}),
        "a kid that is a path": signed({"alg": "HS256", "kid": "../../../../../../dev/null"}, b""),
        "a kid that is SQL": signed({"alg": "HS256", "kid": "x' union select 'a"}, b"a"),
        "others' claims under a genuine signature": _with_claims(genuine),
        "a genuine token without its signature": genuine.rsplit(".", 1)[0] + ".",
        "a genuine token cut short": genuine[:-4],
        "an unknown critical extension": f"{part(critical)}.{part(claims())}.{part(b'x')}",
        "two parts": ".".join(genuine.split(".")[:2]),
        "five parts": f"{genuine}.a.b",
        "claims that are no object": f"{part({'alg': 'HS256'})}.{part(['role'])}.{part(b'x')}",
        "claims nested without end": f"{part({'alg': 'HS256'})}.{part(b'[' * 5000)}.{part(b'x')}",
        "not a token": "garbage",
        "bytes of no encoding": "\xff\xfe.\xff.\xff",
        "a long one": signed({"alg": "HS256"}, b"x") + "A" * 20_000,
    }
    if published.get("kty") == "EC":
        told |= _confused(published)
    return told


def _confused(published: dict[str, Any]) -> dict[str, str]:
    """The public key, which everybody may read, as the secret of HS256."""
    key: Any = jwt.PyJWK(published, "ES256").key
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, spki)
    secrets = {
        "PEM": pem,
        "PEM without its last line's end": pem.rstrip(b"\n"),
        "DER": key.public_bytes(serialization.Encoding.DER, spki),
        "JWK": json.dumps(published).encode(),
        "JWK without spaces": json.dumps(published, separators=(",", ":")).encode(),
        "point": point,
        "x": published["x"].encode(),
    }
    kid = published["kid"]
    told = {f"HS256 by the public key as {name}": signed({"alg": "HS256"}, each) for name, each in secrets.items()}
    return told | {
        f"HS256 by the public key as {name}, with its kid": signed({"alg": "HS256", "kid": kid}, each)
        for name, each in secrets.items()
    }


def _with_claims(genuine: str) -> str:
    head, _, signature = genuine.split(".")
    return f"{head}.{part(claims())}.{signature}"
