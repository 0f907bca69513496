"""Reading raw mail."""

from __future__ import annotations

import base64
import email
import time
from datetime import UTC, datetime

import pytest
from chalicelib.intake.mime import MAX_DEPTH, MAX_PARTS, MAX_TEXT, Parsed, Unreadable, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from .mails import mail, multipart, read


def test_a_plain_mail_is_read_whole() -> None:
    parsed = read(
        mail(
            "To: Help <Help@Acme.test>, sales@acme.test",
            "Cc: bob@customer.test",
            "Reply-To: ann@home.test",
            "Subject: My order",
            "Date: Mon, 2 Mar 2026 10:00:00 +0100",
            "Message-ID: <1@customer.test>",
            "In-Reply-To: <0@acme.test>",
            "References: <a@acme.test> <0@acme.test>",
        )
    )
    assert parsed.sender is not None
    assert (parsed.sender.name, parsed.sender.email) == ("Ann", "ann@customer.test")
    assert [address.email for address in parsed.to] == ["help@acme.test", "sales@acme.test"]
    assert [address.email for address in parsed.cc] == ["bob@customer.test"]
    assert [address.email for address in parsed.reply_to] == ["ann@home.test"]
    assert (parsed.subject, parsed.text, parsed.html) == ("My order", "Hello", None)
    assert parsed.date == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert parsed.message_id == "<1@customer.test>"
    assert parsed.in_reply_to == ["<0@acme.test>"]
    assert parsed.references == ["<a@acme.test>", "<0@acme.test>"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_every_line_end_is_understood(end: bytes) -> None:
    line, body = multipart("mixed", "Content-Type: text/plain\n\nHello\nthere", "Content-Type: text/html\n\n<b>x</b>")
    raw = mail(line).replace(b"Hello", body).replace(b"\r\n", b"\n").replace(b"\n", end)
    parsed = read(raw)
    assert parsed.text == "Hello\nthere\n\nx"
    assert parsed.html is not None


@pytest.mark.parametrize(
    ("declared", "data", "text"),
    [
        ("utf-8", "Grüße".encode(), "Grüße"),
        ("iso-8859-1", "Grüße €".encode("cp1252"), "Grüße €"),
        ("iso-8859-1", "Grüße".encode(), "Grüße"),
        ("us-ascii", "Grüße".encode(), "Grüße"),
        ("us-ascii", "Grüße".encode("latin-1"), "Grüße"),
        ("utf-8", "Grüße".encode("latin-1"), "Grüße"),
        ("x-no-such-charset", "Grüße".encode(), "Grüße"),
        ("idna", "Grüße".encode(), "Grüße"),
        ("zlib", b"plain", "plain"),
        ("utf-8", "Grüße, schöne Wörter für Bärbel".encode() + b"\xc3", "Grüße, schöne Wörter für Bärbel\ufffd"),
        ("ks_c_5601-1987", "안녕하세요".encode("cp949"), "안녕하세요"),
        ("gb2312", "你好镕".encode("gb18030"), "你好镕"),
        ("shift_jis", "こんにちは①".encode("cp932"), "こんにちは①"),
        ("iso-2022-jp", "こんにちは".encode("iso2022_jp"), "こんにちは"),
        ("us-ascii", "こんにちは".encode("iso2022_jp"), "こんにちは"),
        ("utf-7", b"Gr+APwA3w-e", "Grüße"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("koi8-r", "Привет".encode("koi8-r"), "Привет"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("unicode-1-1-utf-8", "Grüße".encode(), "Grüße"),
    ],
)
def test_text_is_decoded_as_the_bytes_bear_out(declared: str, data: bytes, text: str) -> None:
    body = base64.encodebytes(data)
    raw = mail(f'Content-Type: text/plain; charset="{declared}"', "Content-Transfer-Encoding: base64", body=body)
    assert read(raw).text.replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?Q?_aus?=", "Grüße aus"),
        ("=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"),  # a character split between words
        ("=?iso-8859-1?q?Gr=FC=DFe?= and =?utf-8?q?more?=", "Grüße and more"),
        ("=?utf-8?q?with spaces inside?=", "with spaces inside"),
        ("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?x-unknown?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        ("=?utf-8?b?!!!?=", ""),
        ("Grüße", "Grüße"),
        ("folded\r\n over\r\n\tlines", "folded over lines"),
        ("a =?utf-8?q?=00b=0D=0ABcc:_c?=", "a b Bcc: c"),
    ],
)
def test_subjects_are_decoded(line: str, subject: str) -> None:
    assert read(mail(f"Subject: {line}")).subject == subject


@pytest.mark.parametrize(
    ("line", "email", "name"),
    [
        ("ANN@Customer.TEST", "ann@customer.test", ""),
        ('"Berg, Ann" <ann@customer.test>', "ann@customer.test", "Berg, Ann"),
        ("=?utf-8?q?Berg=2C_Ann?= <ann@customer.test>", "ann@customer.test", "Berg, Ann"),
        ("=?utf-8?q?Ann_=3Cann=40customer.test=3E?=", "ann@customer.test", "Ann"),
        ("Ann Berg ann@customer.test", "ann@customer.test", "Ann Berg"),
        ("<<ann@customer.test>>", "ann@customer.test", ""),
        ("Ann <ann@customer.test", "ann@customer.test", "Ann"),
        ("Ann [Sales] <ann@customer.test>", "ann@customer.test", "Ann [Sales]"),
        ("(((((" * 2000 + "ann@customer.test", "ann@customer.test", ""),
        ("ann@customer.test (Ann Berg)", "ann@customer.test", "Ann Berg"),
        ("Bärbel <ann@customer.test>", "ann@customer.test", "Bärbel"),
    ],
)
def test_senders_are_found_in_broken_lines(line: str, email: str, name: str) -> None:
    sender = read(mail(sender=line)).sender
    assert sender is not None
    assert sender.email == email
    assert name in sender.name


def test_without_from_the_sender_field_and_then_the_return_path_name_the_sender() -> None:
    raw = mail("Return-Path: <r@customer.test>", sender=None)
    assert [address.email for address in read(raw).senders] == ["r@customer.test"]
    assert [address.email for address in read(b"Sender: s@customer.test\r\n" + raw).senders] == ["s@customer.test"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=plan.pdf", "plan.pdf"),
        ('attachment; filename="my plan.pdf"', "my plan.pdf"),
        ("attachment; filename=my plan.pdf", "my plan.pdf"),
        ("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.pdf", "Grüße.pdf"),
        ("attachment; filename*0*=iso-8859-1''Gr%FC; filename*1*=%DFe; filename*2=.pdf", "Grüße.pdf"),
        ('attachment; filename="=?utf-8?q?Gr=C3=BC=C3=9Fe.pdf?="', "Grüße.pdf"),
        ('attachment; filename="Grüße.pdf"', "Grüße.pdf"),
        (r'attachment; filename="C:\\dir\\plan.pdf"', "plan.pdf"),
        ('attachment; filename="../../etc/plan.pdf"', "plan.pdf"),
        ('attachment; filename="a\0b.pdf"', "ab.pdf"),
        ('attachment; filename="' + "x" * 400 + '.pdf"', "x" * 255),
    ],
)
def test_file_names_are_decoded_and_harmless(disposition: str, name: str) -> None:
    line, body = multipart(
        "mixed",
        "Content-Type: text/plain\n\nSee file",
        "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
        f"Content-Disposition: {disposition}\n\nJVBERg==",
    )
    parsed = read(mail(line, body=body))
    assert [(file.name, file.type, file.data) for file in parsed.attachments] == [(name, "application/pdf", b"%PDF")]
    assert parsed.text == "See file"


def test_binary_parts_keep_every_byte() -> None:
    data = bytes(range(256)) + b"\r\n\r\r\n\n"
    line, body = multipart(
        "mixed", b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + data + b"\r"
    )
    assert read(mail(line, body=body)).attachments[0].data == data


def test_alternatives_are_one_body_and_inline_images_keep_their_id() -> None:
    inner = multipart(
        "alternative", "Content-Type: text/plain\n\nHello", "Content-Type: text/html\n\n<p>Hello", boundary="i"
    )
    line, body = multipart(
        "related",
        inner[0].encode() + b"\n\n" + inner[1],
        "Content-Type: image/png\nContent-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\niVBORw==",
    )
    parsed = read(mail(line, body=body))
    assert (parsed.text, parsed.html) == ("Hello", "<p>Hello")
    assert [(file.content_id, file.inline) for file in parsed.attachments] == [("logo@x", True)]


def test_html_only_mail_has_text_too() -> None:
    head = "<html><head><style>p{}</style><title>no</title></head>"
    html = head + "<body><p>One &amp; two</p><ul><li>three</ul><script>x</script>"
    assert read(mail("Content-Type: text/html", body=html)).text == "One & two\n\n- three"


def test_an_empty_text_alternative_does_not_hide_the_html() -> None:
    line, body = multipart("alternative", "Content-Type: text/plain\n\n \n", "Content-Type: text/html\n\n<p>Hello")
    assert read(mail(line, body=body)).text == "Hello"


def test_html_declared_plain_is_html() -> None:
    parsed = read(mail("Content-Type: text/plain", body="<p>Dear Sir,<br>buy <b>now</b></p>"))
    assert parsed.html is not None
    assert parsed.text == "Dear Sir,\nbuy now"
    assert read(mail(body="<ann@customer.test> wrote to me")).html is None
    assert read(mail(body="Use <p> for paragraphs")).html is None


def test_flowed_text_is_joined() -> None:
    raw = mail("Content-Type: text/plain; format=flowed", body="one \ntwo\n> a \n> b\nend \n-- \nAnn")
    assert read(raw).text == "one two\n> a b\nend \n-- \nAnn"


def test_a_mail_forwarded_as_attachment_without_words_speaks_for_itself() -> None:
    line, body = multipart(
        "mixed", "Content-Type: message/rfc822\n\nFrom: x@y.test\nSubject: Broken lamp\n\nIt does not shine."
    )
    parsed = read(mail(line, body=body))
    assert parsed.text == "It does not shine."
    assert [file.name for file in parsed.attachments] == ["Broken lamp.eml"]


def test_invitations_are_kept_as_calendar_and_file() -> None:
    line, body = multipart(
        "mixed", "\nCome", "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR"
    )
    parsed = read(mail(line, body=body))
    assert parsed.calendars == ["BEGIN:VCALENDAR\nEND:VCALENDAR"]
    assert parsed.attachments[0].type == "text/calendar"


@pytest.mark.parametrize(
    ("kind", "protection"),
    [
        ('signed; protocol="application/pgp-signature"', "signed-pgp"),
        ('signed; protocol="application/pkcs7-signature"', "signed-smime"),
        ('encrypted; protocol="application/pgp-encrypted"', "encrypted-pgp"),
    ],
)
def test_signed_mail_is_told_and_read(kind: str, protection: str) -> None:
    line, body = multipart(
        kind, "Content-Type: text/plain\n\nHello", "Content-Type: application/x-signature; name=s\n\nx"
    )
    parsed = read(mail(line, body=body))
    assert parsed.protection == protection
    assert parsed.text == "Hello"


def _signed(content: bytes, form: str) -> bytes:
    """A CMS SignedData with content and no signer, in DER or in BER with indefinite lengths and pieces."""

    def tlv(tag: int, *inner: bytes) -> bytes:
        body = b"".join(inner)
        if form == "ber" and tag & 0x20:
            return bytes([tag, 0x80]) + body + b"\0\0"
        return bytes([tag, 0x84]) + len(body).to_bytes(4, "big") + body

    octets = tlv(0x24, tlv(0x04, content[:5]), tlv(0x04, content[5:])) if form == "ber" else tlv(0x04, content)
    data, signed = bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010702")
    inner = tlv(0x30, tlv(0x06, data), tlv(0xA0, octets))
    return tlv(0x30, tlv(0x06, signed), tlv(0xA0, tlv(0x30, tlv(0x02, b"\1"), tlv(0x31), inner, tlv(0x31))))


@pytest.mark.parametrize("form", ["der", "ber"])
def test_the_mail_inside_an_opaque_smime_signature_is_read(form: str) -> None:
    inner = mail(*multipart("mixed", "\nHello", "Content-Type: image/png; name=a.png\n\nx")[:1], sender=None)
    inner = inner.replace(b"Hello", multipart("mixed", "\nHello", "Content-Type: image/png; name=a.png\n\nx")[1])
    body = base64.encodebytes(_signed(inner, form))
    line = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
    parsed = read(mail(line, "Content-Transfer-Encoding: base64", body=body))
    assert (parsed.protection, parsed.text) == ("signed-smime", "Hello")
    assert [file.name for file in parsed.attachments] == ["a.png"]


@pytest.mark.parametrize(
    "data", [b"", b"0\x80", b"0\x80" * 50_000, b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x06\x01\x00"]
)
def test_encrypted_and_damaged_smime_is_kept_as_a_file(data: bytes) -> None:
    parsed = read(mail("Content-Type: application/pkcs7-mime; name=smime.p7m", body=data))
    assert parsed.protection == "encrypted-smime"
    assert [file.name for file in parsed.attachments] == ["smime.p7m"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \r\n\r\n",
        b"\n\n\n",
        b"Subject: only a subject\r\n\r\n \r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n",
    ],
)
def test_mail_without_sender_text_and_attachment_is_unreadable(raw: bytes) -> None:
    assert isinstance(parse(raw), Unreadable)


@pytest.mark.parametrize(
    "raw",
    [
        b"no headers at all, only words",
        b"From: a@b.test",
        b"From: a@b.test\r\n\r\n",
        b"From ann Mon Mar  2 10:00:00 2026\nFrom: a@b.test\n\nHello",
        b"\r\n\r\nFrom: a@b.test\r\n\r\nHello",
        b"From: a@b.test\r\nthis is no header\r\n\r\nHello",
        b"From: a@b.test\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nno part",
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nno end",
        b"From: a@b.test\r\nContent-Type: text/plain; charset=\xff\r\nContent-Transfer-Encoding: \xff\r\n\r\n\xff\x00",
        b"From: a@b.test\r\nContent-Transfer-Encoding: base64\r\n\r\nThis is not base64, is it?",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(raw: bytes) -> None:
    parsed = read(raw)
    assert parsed.sender or parsed.text
    assert "\0" not in parsed.text


def test_text_declared_base64_but_sent_plain_is_shown_plain() -> None:
    raw = mail("Content-Transfer-Encoding: base64", body="Dear all, this is plain text, isn't it?\nYes!")
    assert read(raw).text.startswith("Dear all, this is plain")


def test_hostile_nesting_number_and_size_are_bounded() -> None:
    nested = b"From: a@b.test\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5_000)
    )
    many = mail(*multipart("mixed", *["\nx"] * 2_000)[:1], body=multipart("mixed", *["\nx"] * 2_000)[1])
    long = mail(body="x" * (MAX_TEXT + 5))
    started = time.monotonic()
    assert read(nested).defects == [f"parts nested deeper than {MAX_DEPTH}"]
    assert read(many).defects == [f"more than {MAX_PARTS} parts: the rest is in the raw mail only"]
    assert len(read(long).text) == MAX_TEXT
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 100_000,
        b"<p " + b" ".join(b"a%d=1" % number for number in range(59_000)) + b">x",
        b"<" * 300_000,
        b"&amp" * 200_000,
        b"<b><i><a>" * 3_000,
    ],
)
def test_hostile_html_is_read_in_seconds(body: bytes) -> None:
    started = time.monotonic()
    read(mail("Content-Type: text/html", body=body))
    assert time.monotonic() - started < 8


def test_hostile_headers_and_encodings_are_read_in_seconds() -> None:
    started = time.monotonic()
    for raw in (
        b"X: a\n" * 400_000 + b"From: a@b.test\n\nx",
        b"From: a@b.test\nTo: " + b"(" * 2_000_000 + b"\n\nx",
        b"From: a@b.test\nSubject: " + b"=?u?q?" * 300_000 + b"\n\nx",
        b"From: a@b.test\nContent-Type: text/plain; format=flowed\n\n" + b"a \n" * 500_000,
        b"From: a@b.test\nContent-Type: multipart/mixed; boundary=" + b'"\\' * 500_000 + b"\n\nx",
    ):
        parse(raw)
    assert time.monotonic() - started < 8


_PIECES = st.sampled_from(
    [
        b"From: a@b.test\r\n",
        b"Subject: =?utf-8?b?////?=\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: text/html; charset=utf-16\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--b--",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"<p class='gmail_quote'>",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Disposition: attachment; filename*0*=x''%ff\r\n",
        b"Content-Type: text/plain; charset=utf-7; format=flowed\r\n",
        b"Date: Mon, 99 Foo 99999\r\n",
        b"=3D=\xff=0",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
        b"+AAA-",
        b"\x1b$B\x00",
        b"\xed\xa0\x80",
        b"Content-Type: message/delivery-status\r\n",
        b"> quoted\r\n",
        b"On 1.1.2026 a@b.test wrote:\r\n",
        b"-- \r\n",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.binary(max_size=40)), max_size=25).map(b"".join))
def test_no_bytes_make_it_raise_or_give_text_that_cannot_be_stored(raw: bytes) -> None:
    from chalicelib.intake.authenticity import authenticity
    from chalicelib.intake.machine import judge
    from chalicelib.intake.reply import new_text
    from chalicelib.intake.sanitise import displayed

    parsed = parse(raw)
    if isinstance(parsed, Unreadable):
        return
    texts = [parsed.text, parsed.html or "", parsed.subject, parsed.message_id, *parsed.calendars, *parsed.references]
    texts += [part for file in parsed.attachments for part in (file.name, file.type, file.content_id)]
    texts += [part for address in parsed.senders + parsed.to for part in (address.name, address.email)]
    shown = displayed(parsed.html) if parsed.html else None
    reply = new_text(parsed.text, parsed.html)
    verdict = judge(parsed)
    texts += [reply.text, reply.signature, shown.html if shown else "", *verdict.evidence]
    texts += authenticity(parsed, "mx.acme.test").evidence
    texts += verdict.bounce.recipients + verdict.bounce.original_ids if verdict.bounce else []
    for text in texts:
        assert "\0" not in text
        text.encode()
    assert bool(reply.text) == bool(parsed.text.strip())
    assert isinstance(parsed, Parsed)


def test_a_mail_without_any_header_is_text_to_its_first_letter() -> None:
    # Up to Python 3.11.4 `re` took one letter more than it matched.
    parsed = parse(b"hello world\nfoo\n")
    assert isinstance(parsed, Parsed)
    assert parsed.text == "hello world\nfoo"


def _stdlib_finds_something(raw: bytes) -> bool:
    """A sender, text or attachment, by Python's own reader."""
    message = email.message_from_bytes(raw)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    said = [part.get_payload(decode=True) for part in leaves]
    return bool(message["from"] and str(message["from"]).strip()) or any(
        isinstance(data, bytes) and data.strip() for data in said
    )


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(_PIECES, st.binary(max_size=10)), max_size=12).map(b"".join))
def test_what_is_unreadable_is_empty_to_pythons_email_too(raw: bytes) -> None:
    if isinstance(parse(raw), Unreadable):
        assert not _stdlib_finds_something(raw)
