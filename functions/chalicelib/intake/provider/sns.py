"""Messages that Amazon SNS posts: signed with a certificate that Amazon serves, or not to be believed.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalicelib.kit.settings import settings
from chalicelib.kit.standard_webhooks import BadSignature

from .download import download

# SNS tries for an hour at most, and signs the time of publication.
MAX_AGE = 2 * 3600
MAX_AHEAD = 300
MAX_CERTIFICATE = 64 * 1024
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
# Nothing else on that host is a certificate: some of its answers can be chosen by whoever asks.
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")


def verify(message: Mapping[str, Any], now: float | None = None) -> None:
    """Return where SNS signed `message` within the last two hours. Version 1 is SHA-1, 2 is SHA-256.

    Raises BadSignature; Retry and Lost where the certificate cannot be had now.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    names = _SIGNED.get(_text(message, "Type"))
    if names is None:
        raise BadSignature("Type is none of SNS's")
    version = _text(message, "SignatureVersion")
    if version not in ("1", "2"):
        raise BadSignature("SignatureVersion is neither 1 nor 2")
    if any(name != "Subject" and not _text(message, name) for name in names):
        raise BadSignature("a signed field is missing")
    try:
        signature = base64.b64decode(_text(message, "Signature"), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("Signature is no base64") from None
    age = (time.time() if now is None else now) - _seconds(_text(message, "Timestamp"))
    if not -MAX_AHEAD <= age <= MAX_AGE:
        raise BadSignature("Timestamp is too far from now")
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message and message[name] is not None)
    key = _public_key(_certificate_address(_text(message, "SigningCertURL")))
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303  what SNS signs with by default
    try:
        key.verify(signature, signed.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), digest)
    except InvalidSignature:
        raise BadSignature("the signature does not match") from None


def confirm(message: Mapping[str, Any]) -> None:
    """Visit the address that confirms a subscription, where it is SNS's and for this very topic.

    `message` is verified. Raises BadSignature where it leads elsewhere; Retry and Lost where SNS does not answer.
    """
    address = _text(message, "SubscribeURL")
    parts = _judged(address)
    asked = parse_qs(parts.query) if parts else {}
    if (
        parts is None
        or parts.path not in ("", "/")
        or asked.get("Action") != ["ConfirmSubscription"]
        or asked.get("TopicArn") != [message["TopicArn"]]
    ):
        raise BadSignature("SubscribeURL does not confirm this topic at SNS")
    download(address, limit=MAX_CERTIFICATE)


def _certificate_address(url: str) -> str:
    parts = _judged(url)
    if parts is None or parts.query or not _CERTIFICATE.fullmatch(parts.path):
        raise BadSignature("SigningCertURL is no certificate of SNS's")
    return url


def _judged(url: str) -> Any:
    """The parts of an address at SNS; None where it is anywhere else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc}"
    begins_so = url.startswith(origin) and not parts.fragment and url.isprintable() and " " not in url
    return parts if begins_so and re.fullmatch(settings().sns_origin, origin) else None


@lru_cache(maxsize=16)
def _public_key(url: str) -> Any:
    """The key of a certificate that is valid now; fetched once per container."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        certificate = x509.load_pem_x509_certificate(download(url, limit=MAX_CERTIFICATE))
    except ValueError:
        raise BadSignature("SigningCertURL holds no certificate") from None
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        raise BadSignature("the certificate is not valid now")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise BadSignature("the certificate holds no RSA key of 2048 bits or more")
    return key


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""


def _seconds(stamp: str) -> float:
    try:
        when = datetime.fromisoformat(stamp)
    except ValueError:
        raise BadSignature("Timestamp is no time") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
