"""What auth-js' and supabase-py's container tests share: four GoTrue servers of different settings, each at the root
of a port."""

from __future__ import annotations

import base64
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.conformance.suite import Server

SECRET = "37c304f8-51aa-419a-a1af-06154e63707a"
RSA_KEY_ID = "638c54b8-28c2-4b12-9598-ba12ef610a29"  # a test looks for it
GOOGLE = {"client_ids": ["53566906701-bmhc1ndue7hild39575gkpimhs06b7ds.apps.googleusercontent.com"], "secret": "none"}


def servers(anonymous_off: bool) -> tuple[Server, ...]:
    """As infra/docker-compose.yml has them; in auth-js' nobody signs in anonymously where addresses are confirmed."""
    # Their SMS fail, for want of an account at the provider's.
    everything = {"max_frequency": 1.0, "sms_provider": "", "anonymous_enabled": True, "phone_enabled": True}
    unconfirmed = everything | {"confirmations": False, "phone_confirmations": False}
    served = {"oauth_server_enabled": True, "oauth_dynamic_registration": True}
    confirmed = everything | {"anonymous_enabled": not anonymous_off, "providers": {"google": GOOGLE}}
    closed = everything | {"signup_enabled": False, "email_enabled": False, "phone_enabled": False}
    shared = {"jwt_secret": SECRET, "signing_key": _shared_key()}
    return (
        _server(9999, confirmed | {"redirect_urls": ["https://supabase.io/docs"]}, shared),
        _server(9998, unconfirmed | served, shared),
        _server(9997, closed, shared),
        _server(9996, unconfirmed, {"signing_key": _rsa_key()}),
    )


def _server(port: int, settings: dict[str, Any], keys: dict[str, Any]) -> Server:
    url = f"http://localhost:{port}"
    return Server("auth", port, {"auth": settings | {"external_url": url, "site_url": url}}, keys)


def _shared_key() -> dict[str, Any]:
    key = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    return {"kty": "oct", "k": key, "kid": "shared", "alg": "HS256"}


def _rsa_key() -> dict[str, Any]:
    private = rsa.generate_private_key(65537, 2048)
    jwk: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(private, as_dict=True)
    return jwk | {"kid": RSA_KEY_ID, "alg": "RS256"}
