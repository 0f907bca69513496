"""Whether the sender is who the From line says."""

from __future__ import annotations

import pytest
from chalicelib.intake.authenticity import authenticity

from .mails import mail, read

OURS = "mx.acme.test"
PASS = "dmarc=pass (p=reject) header.from=customer.test; spf=pass smtp.mailfrom=customer.test; dkim=pass header.d=x"


def test_our_receivers_pass_verifies_the_sender() -> None:
    verdict = authenticity(read(mail(f"Authentication-Results: {OURS} 1; {PASS}")), OURS)
    assert (verdict.dmarc, verdict.spf, verdict.dkim, verdict.verified) == ("pass", "pass", "pass", True)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [f"Authentication-Results: mx.evil.test; {PASS}"],
        [f"Authentication-Results: {OURS}.evil.test; {PASS}"],
        [f"Authentication-Results: x ({OURS}); {PASS}"],
        [f"ARC-Authentication-Results: i=1; {OURS}; {PASS}"],
        [f"Authentication-Results: {OURS}; none"],
        [f"Authentication-Results: {OURS}; dmarc=fail header.from=customer.test"],
        [f"Authentication-Results: {OURS}; spf=pass; dkim=pass header.d=evil.test"],
        [f"Authentication-Results: {OURS}; dmarc=pass header.from=evil.test"],
        [f"Authentication-Results: {OURS}; (dmarc=pass) spf=fail"],
        [f"Authentication-Results: {OURS}; dmarc=fail", f"Authentication-Results: {OURS}; {PASS}"],
        [f"Authentication-Results: {OURS}; {PASS}", "From: boss@acme.test"],
    ],
)
def test_nothing_else_verifies(headers: list[str]) -> None:
    assert not authenticity(read(mail(*headers)), OURS).verified


def test_without_a_configured_receiver_nobody_is_verified() -> None:
    assert not authenticity(read(mail(f"Authentication-Results: {OURS}; {PASS}")), None).verified


def test_several_authors_are_nobody() -> None:
    raw = mail(f"Authentication-Results: {OURS}; {PASS}", sender="ann@customer.test, boss@customer.test")
    assert not authenticity(read(raw), OURS).verified
