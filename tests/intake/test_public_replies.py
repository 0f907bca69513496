"""Real replies of many clients, where the development data is present: each comes out as a reader would cut it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chalicelib.intake.reply import new_text, of_html

from .mails import read

DATA = Path(os.environ.get("PGDESK_DATA", Path(__file__).parents[3] / "shared" / "data")) / "emails"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="data not present")

# The last words that are new (quotes and signature follow), and words that may not be there.
PLAIN = {
    "correct_sig": ("with a correct -- signature.", "rick"),
    "email_1_1": ("I am currently using the Java HTTP API.", "Abhishek"),
    "email_1_2": ("quote", "listinfo"),
    "email_1_3": ("Having the function would be great.", "Russell"),
    "email_1_4": ("I haven't had another problem with it.", "Loader"),
    "email_1_5": ("for a while.", "\0"),
    "email_1_6": ("torch of pixels", "Corey"),
    "email_1_7": (":+1:", "Steps"),
    "email_1_8": ("and under this.", "signature"),
    "email_2_1": ("Outlook with a reply", "Google"),
    "email_2_2": ("directly above line", "CRM"),
    "email_2_3": ("directly above line", "CRM"),
    "email_BlackBerry": ("Here is another email", "BlackBerry"),
    "email_bullets": ("- and another", "Joe"),
    "email_iPhone": ("Here is another email", "iPhone"),
    "email_multi_word_sent_from_my_mobile_device": ("Here is another email", "Verizon"),
    "email_one_is_not_on": ("when I run...", "Tapley"),
    "email_sent_from_my_not_signature": ("easier then my mobile phone.", "\0"),
    "email_sig_delimiter_in_middle_of_line": ("kthxbai", "\0"),
    "greedy_on": ("the tunnel is not working.", "Plymale"),
    "pathological": ("get back to a computer.", "Sullivan"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_replies(name: str) -> None:
    end, gone = PLAIN[name]
    text = new_text((DATA / "reply_parser" / f"{name}.txt").read_text()).text
    assert gone not in text
    if name == "email_1_2":  # an answer in the middle of the quote
        assert text.startswith("Hi,\nOn Tue")
        assert text.endswith('delete them all individually."')
    else:
        assert text.endswith(end)


@pytest.mark.parametrize("file", sorted(DATA.glob("talon/*.eml")), ids=lambda file: file.stem)
def test_replies_of_mail_programs(file: Path) -> None:
    parsed = read(file.read_bytes())
    text = new_text(parsed.text, parsed.html).text
    assert text == "Hello" or (file.stem == "reply-quotations-share-block" and text.endswith("soon.\n\nJoe XXX"))


@pytest.mark.parametrize("file", sorted(DATA.glob("talon/*.html")), ids=lambda file: file.stem)
def test_html_replies_of_mail_programs(file: Path) -> None:
    text = " ".join(of_html(file.read_text()).text.split())
    assert text in ("Hi. I am fine. Thanks, Alex", "Reply", "Hi there Bob")
