"""Amazon SES: a receipt rule writes the mail to S3, or into the message, and SNS tells of it.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from chalicelib.intake.headers import split
from chalicelib.intake.keep import MAX_MAIL, addresses
from chalicelib.kit.http import HttpError, Request, Response, json_response
from chalicelib.kit.jobs import Retry
from chalicelib.kit.logging import log
from chalicelib.kit.once import once
from chalicelib.kit.settings import settings
from chalicelib.kit.standard_webhooks import BadSignature

from . import sns
from .held import Content, Held, Lost, believe, said

NAME = "ses"
MAX_BODY = 512 * 1024  # SNS carries 256 kB
TIMEOUT = 20  # seconds until S3 has sent something
_RESULTS = {"PASS": "pass", "FAIL": "fail"}
_FOR = re.compile(rb"\bfor\s+<?([^\s<>;]{1,320})>?\s*;")
_SETUP = "AMAZON_SES_SETUP_NOTIFICATION"


def receive(request: Request) -> Response:
    """POST /inbound/ses. 200: taken, repeated, confirmed, or of no interest. SNS tries again after 5xx only: 401 a
    signature, 403 a topic or bucket that is not ours, 400 what SES never sends; 503 the certificate cannot be had."""
    if len(request.body) > MAX_BODY:
        raise HttpError(413, "too_large", f"a message of more than {MAX_BODY} octets")
    try:
        message = json.loads(request.body)
        topic = message["TopicArn"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise HttpError(401, "bad_signature", "the body is no message of SNS's") from None
    if not isinstance(topic, str) or topic not in settings().ses_topics.split():
        raise HttpError(403, "other_topic", "this topic is not among PGDESK_SES_TOPICS")
    try:
        sns.verify(message)
        if message["Type"] == "SubscriptionConfirmation":
            sns.confirm(message)
            log("sns.confirmed", topic=topic)
            return json_response(200, {"status": "confirmed"})
    except (BadSignature, Lost) as bad:
        raise HttpError(401, "bad_signature", str(bad)) from None
    except Retry as away:
        raise HttpError(503, "unavailable", f"SNS could not be asked: {away}", "Try again.") from None
    if message["Type"] != "Notification":
        return json_response(200, {"status": "ignored"})
    return _notified(message)


def fetch(row: Mapping[str, Any]) -> Content:
    """The raw mail from the bucket of the receipt rule. Raises Lost and Retry."""
    from botocore.exceptions import BotoCoreError, ClientError, ResponseStreamingError

    try:
        found = _s3().get_object(Bucket=settings().ses_bucket, Key=row["locator"])
        if found["ContentLength"] > MAX_MAIL:
            raise Lost(f"it is larger than {MAX_MAIL} octets")
        with found["Body"] as body:
            raw: bytes = body.read(MAX_MAIL + 1)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in ("NoSuchKey", "404"):
            raise Lost("the bucket no longer has it") from error
        raise Retry(f"S3 answers {code}") from error
    except (BotoCoreError, ResponseStreamingError, OSError) as error:
        raise Retry(f"S3 failed: {type(error).__name__}") from error
    # Without SNS's word nobody told the envelope. SES writes a recipient into the field it puts on top.
    return Content(raw, [] if row["recipients"] else _recipients(raw))


def listed(since: datetime) -> Iterator[Held]:
    """What SES wrote to the bucket since then, in no order. Raises Retry."""
    from botocore.exceptions import BotoCoreError, ClientError

    if not settings().ses_bucket:
        raise ValueError("PGDESK_SES_BUCKET names the bucket whose mail is asked for")
    try:
        pages = (
            _s3().get_paginator("list_objects_v2").paginate(Bucket=settings().ses_bucket, Prefix=settings().ses_prefix)
        )
        for page in pages:
            for each in page.get("Contents", ()):
                mail_id = each["Key"].rpartition("/")[2]
                if each["LastModified"] >= since and mail_id and mail_id != _SETUP:
                    yield Held(NAME, mail_id, [], each["Key"], tells_more=True)
    except (BotoCoreError, ClientError) as error:
        raise Retry(f"S3 failed: {error}") from error


def _notified(message: Mapping[str, Any]) -> Response:
    try:
        told = json.loads(message["Message"])
    except (ValueError, RecursionError):
        told = None  # SES greets a new topic in plain words
    if not isinstance(told, dict) or told.get("notificationType") != "Received":
        return json_response(200, {"status": "ignored"})
    mail, receipt = told.get("mail"), told.get("receipt")
    action = receipt.get("action") if isinstance(receipt, dict) else None
    mail_id = said(mail, "messageId") if isinstance(mail, dict) else ""
    if not isinstance(mail, dict) or not isinstance(receipt, dict) or not isinstance(action, dict) or not mail_id:
        raise HttpError(400, "malformed", "the notification names no received mail")
    recipients = receipt.get("recipients") or mail.get("destination") or ()
    held = Held(
        NAME,
        mail_id,
        addresses(recipients if isinstance(recipients, list) else ()),
        locator=said(action, "objectKey", 1024) or None,
        envelope_from=said(mail, "source"),
        verdicts=_verdicts(receipt),
    )
    if action.get("type") == "S3":
        if not held.locator or action.get("bucketName") != settings().ses_bucket:
            raise HttpError(403, "other_bucket", "the mail does not lie in PGDESK_SES_BUCKET")
        return believe(NAME, message["MessageId"], held)
    if action.get("type") == "SNS" and isinstance(told.get("content"), str):
        return believe(NAME, message["MessageId"], held, _content(told["content"], said(action, "encoding")))
    return json_response(200, {"status": "ignored"})


def _verdicts(receipt: Mapping[str, Any]) -> dict[str, str]:
    """SES's findings in the words of RFC 8601; what it could not tell is none."""
    verdicts = {}
    for method in ("dmarc", "spf", "dkim"):
        told = receipt.get(f"{method}Verdict")
        status = told.get("status") if isinstance(told, dict) else None
        verdicts[method] = _RESULTS.get(str(status), "none")
    return verdicts


def _content(content: str, encoding: str) -> bytes:
    if encoding.upper() != "BASE64":
        return content.encode("utf-8", "replace")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise HttpError(400, "malformed", "the content is no base64") from None


def _recipients(raw: bytes) -> list[str]:
    headers = split(raw)[0]
    received = headers.raw_all("received")[:1]
    told = [found[1].decode("utf-8", "replace") for value in received for found in _FOR.finditer(value)]
    return addresses([*told, *(address.email for address in headers.addresses("to", "cc"))])


def _client() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(connect_timeout=5, read_timeout=TIMEOUT, retries={"total_max_attempts": 1}))


_s3 = once(_client)
