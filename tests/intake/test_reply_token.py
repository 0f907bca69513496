"""Signed reply addresses."""

from __future__ import annotations

from uuid import uuid4

from chalicelib.kit.reply_token import make_token, read_token, reply_address

ORGANIZATION, TICKET = uuid4(), uuid4()
TOKEN = make_token("key", ORGANIZATION, TICKET, "Ann@customer.test")
ADDRESS = reply_address("help@acme.test", TOKEN)


def test_a_token_leads_to_its_ticket_whatever_the_case() -> None:
    for address in (ADDRESS, ADDRESS.upper()):
        token = read_token(["key"], ORGANIZATION, ["other@acme.test", address], "ann@CUSTOMER.test")
        assert token is not None
        assert (token.ticket_id, token.for_sender) == (TICKET, True)


def test_another_sender_is_told() -> None:
    token = read_token(["key"], ORGANIZATION, [ADDRESS], "bob@customer.test")
    assert token is not None
    assert not token.for_sender


def test_forged_foreign_and_damaged_tokens_are_none() -> None:
    flipped = ADDRESS.replace(TOKEN[30], "a" if TOKEN[30] != "a" else "b")
    for secrets, organization, address in (
        (["other"], ORGANIZATION, ADDRESS),
        (["key"], uuid4(), ADDRESS),
        (["key"], ORGANIZATION, flipped),
        (["key"], ORGANIZATION, "reply+abc@acme.test"),
        ([], ORGANIZATION, ADDRESS),
    ):
        assert read_token(secrets, organization, [address], "ann@customer.test") is None


def test_a_rotated_key_still_reads() -> None:
    assert read_token(["new", "key"], ORGANIZATION, [ADDRESS], "ann@customer.test")


def test_reply_addresses_fit_the_mail_system() -> None:
    assert ADDRESS.startswith("help+")
    assert len(reply_address("customer-europe@acme.test", TOKEN).partition("@")[0]) == 64
    assert reply_address("customer-service-europe@acme.test", TOKEN) == "customer-service-europe@acme.test"
