"""What is new in a mail, apart from quotes and signature."""

from __future__ import annotations

import pytest
from chalicelib.intake.reply import new_text, of_html

ATTRIBUTIONS = [
    "On Mon, Mar 2, 2026 at 6:26 PM Acme Help <help@acme.test> wrote:",
    "On 2 Mar 2026, at 18:26, Acme Help <help@acme.test> wrote:",
    "On 02/03/2026 18:26, Acme Help wrote:",
    "On Mon, Mar 2, 2026 at 6:26 PM Acme Help\n<help@acme.test> wrote:",
    "On Mon, Mar 2, 2026\nat 6:26 PM Acme Help <help@acme.test>\nwrote:",
    "Am Mo., 2. März 2026 um 18:26 Uhr schrieb Acme Help <help@acme.test>:",
    "Am 02.03.26 um 18:26 schrieb Acme Help:",
    "Le lun. 2 mars 2026 à 18:26, Acme Help <help@acme.test> a écrit :",
    "El lun, 2 mar 2026 a las 18:26, Acme Help (<help@acme.test>) escribió:",
    "Il giorno lun 2 mar 2026 alle ore 18:26 Acme Help <help@acme.test> ha scritto:",
    "Em seg., 2 de mar. de 2026 às 18:26, Acme Help <help@acme.test> escreveu:",
    "Op ma 2 mrt 2026 om 18:26 schreef Acme Help <help@acme.test>:",
    "Den mån 2 mars 2026 kl 18:26 skrev Acme Help <help@acme.test>:",
    "ma 2. maalisk. 2026 klo 18.26 Acme Help (help@acme.test) kirjoitti:",
    "pon., 2 mar 2026 o 18:26 Acme Help <help@acme.test> napisał(a):",
    "po 2. 3. 2026 v 18:26 odesílatel Acme Help <help@acme.test> napsal:",
    "Acme Help <help@acme.test> ezt írta (időpont: 2026. márc. 2., H, 18:26):",
    "În lun., 2 mar. 2026 la 18:26, Acme Help <help@acme.test> a scris:",
    "пн, 2 мар. 2026 г. в 18:26, Acme Help <help@acme.test>:",
    "2 марта 2026 г. 18:26 пользователь Acme Help <help@acme.test> написал:",
    "Acme Help <help@acme.test>, 2 Mar 2026 Pzt, 18:26 tarihinde şunu yazdı:",
    "Στις Δευ 2 Μαρ 2026 στις 6:26 μ.μ., ο/η Acme Help <help@acme.test> έγραψε:",
    "2026年3月2日(月) 18:26 Acme Help <help@acme.test>:",
    "Acme Help <help@acme.test> 于2026年3月2日周一 18:26写道：",
    "2026년 3월 2일 (월) 오후 6:26, Acme Help <help@acme.test>님이 작성:",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS)
def test_a_quote_with_its_introduction_is_cut_in_every_language(line: str) -> None:
    reply = new_text(f"Thank you, it works.\n\n{line}\n\n> Did it help?\n> Acme")
    assert (reply.text, reply.cut) == ("Thank you, it works.", True)


BLOCKS = [
    "From: Acme Help <help@acme.test>\nSent: Monday, March 2, 2026 6:26 PM\nTo: Ann\nSubject: RE: Lamp",
    "*From:* Acme Help [mailto:help@acme.test]\n*Sent:* Monday\n*To:* Ann\n*Subject:* RE: Lamp",
    "Von: Acme Help <help@acme.test>\nGesendet: Montag, 2. März 2026 18:26\nAn: Ann\nBetreff: AW: Lampe",
    "De : Acme Help <help@acme.test>\nEnvoyé : lundi 2 mars 2026 18:26\nÀ : Ann\nObjet : RE: Lampe",
    "De: Acme Help <help@acme.test>\nEnviado el: lunes, 2 de marzo de 2026 18:26\nPara: Ann\nAsunto: RE: Lámpara",
    "Da: Acme Help <help@acme.test>\nInviato: lunedì 2 marzo 2026 18:26\nA: Ann\nOggetto: R: Lampada",
    "De: Acme Help <help@acme.test>\nEnviada em: segunda-feira, 2 de março de 2026\nPara: Ann\nAssunto: RES: Luz",
    "Van: Acme Help <help@acme.test>\nVerzonden: maandag 2 maart 2026 18:26\nAan: Ann\nOnderwerp: RE: Lamp",
    "Från: Acme Help <help@acme.test>\nSkickat: den 2 mars 2026 18:26\nTill: Ann\nÄmne: SV: Lampa",
    "Fra: Acme Help <help@acme.test>\nSendt: mandag 2. mars 2026 18:26\nTil: Ann\nEmne: SV: Lampe",
    "Od: Acme Help <help@acme.test>\nWysłano: poniedziałek, 2 marca 2026\nDo: Ann\nTemat: RE: Lampa",
    "От: Acme Help <help@acme.test>\nОтправлено: 2 марта 2026 г. 18:26\nКому: Ann\nТема: RE: Лампа",
    "发件人: Acme Help <help@acme.test>\n发送时间: 2026年3月2日 18:26\n收件人: Ann\n主题: 回复: 灯",
    "差出人: Acme Help <help@acme.test>\n送信日時: 2026年3月2日 18:26\n宛先: Ann\n件名: RE: ランプ",
    "-----Original Message-----\nFrom: Acme",
    "-----Ursprüngliche Nachricht-----\nVon: Acme",
    "-----Message d'origine-----\nDe : Acme",
    "-----Mensaje original-----\nDe: Acme",
    "-------- Original message --------\nFrom: Acme",
    "-------- Originalnachricht --------\nVon: Acme",
    "________________________________\nFrom: Acme <help@acme.test>\nDate: Monday\nTo: Ann",
    "##- Please type your reply above this line -##",
]


@pytest.mark.parametrize("block", BLOCKS)
def test_an_earlier_mail_below_its_header_block_is_cut(block: str) -> None:
    reply = new_text(f"Thank you, it works.\n\n{block}\n\nDid it help?\n\nAcme")
    assert (reply.text, reply.cut) == ("Thank you, it works.", True)


def test_an_answer_below_the_quote_is_the_new_text() -> None:
    assert new_text("On 2 Mar 2026, Acme wrote:\n> Did it help?\n\nYes, it did.").text == "Yes, it did."


def test_answers_between_quotes_keep_what_they_answer() -> None:
    text = "On 2 Mar 2026, Acme wrote:\n> Which lamp?\nThe red one.\n> Since when?\nSince Monday.\n> Regards\n> Acme"
    assert (
        new_text(text).text == "On 2 Mar 2026, Acme wrote:\n> Which lamp?\nThe red one.\n> Since when?\nSince Monday."
    )


@pytest.mark.parametrize(
    "text",
    [
        "Route\nFrom: Berlin\nTo: Paris\nDate: 3 May\nCan I change it?",
        "On your site I read the following:\nit should work.",
        "I have two questions:\n- one\n- two",
        "Here is my setup:\n\n> start\n> stop\n\nWhat is wrong with it?",
        "Please see below -- it is urgent -- and call me.",
        "---------- Forwarded message ---------\nFrom: Bob <b@x.test>\nSubject: Lamp\nTo: Ann\n\nIt broke.",
        "Am 3. Mai 2026 war die Lampe kaputt. Das schrieb ich schon.",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert new_text(text, answers=False).text == text


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn Berg\nBerg Ltd.",
        "--\nAnn Berg",
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Von meinem iPhone gesendet",
        "Gesendet von Mail für Windows",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的iPhone",
        "-Ann",
        "_______________________\nusers mailing list\nusers@lists.test\nhttps://lists.test/mailman/listinfo/users",
        "This e-mail and any attachments are confidential and intended solely for the addressee.\nDelete it.",
        "Diese E-Mail enthält vertrauliche Informationen.\nBitte löschen Sie sie.",
        "-- \nAnn\n\nSent from my iPhone",
    ],
)
def test_signatures_are_set_apart(signature: str) -> None:
    reply = new_text(f"My lamp is broken.\n\n{signature}")
    assert reply.text == "My lamp is broken."
    assert reply.signature


def test_a_contact_block_goes_and_the_name_stays() -> None:
    reply = new_text(
        "My lamp is broken.\n\nKind regards,\nAnn Berg\n\nHead of Light\nTel. +49 30 1234567\nwww.berg.test"
    )
    assert reply.text == "My lamp is broken.\n\nKind regards,\nAnn Berg"


@pytest.mark.parametrize("text", ["Sent from my desk, is much easier than my phone.", "- one\n- two\n- three"])
def test_what_only_looks_like_a_signature_stays(text: str) -> None:
    assert new_text(f"Hello\n\n{text}").text == f"Hello\n\n{text}"


def test_a_mail_that_is_nothing_but_a_quote_or_signature_is_not_emptied() -> None:
    assert new_text("> Did it help?").text == "> Did it help?"
    assert new_text("-- \nAnn").text == "--\nAnn"
    assert new_text("").text == ""


HTML = [
    (
        '<div>Yes.</div><div class="gmail_quote"><div class="gmail_attr">On Monday Acme wrote:<br></div>'
        '<blockquote class="gmail_quote">Did it help?</blockquote></div>'
    ),
    '<p>Yes.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>X:</b> Acme</div><div>Did it help?</div>',
    (
        '<p>Yes.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Acme &lt;h@a.test&gt;<br>'
        "<b>Sent:</b> Monday<br><b>To:</b> Ann<br><b>Subject:</b> Lamp</p></div><p>Did it help?</p>"
    ),
    (
        '<p>Yes.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>Aaa:</b> Acme &lt;h@a.test&gt;<br>'
        "<b>Bbb:</b> Monday<br><b>Ccc:</b> Ann<br><b>Ddd:</b> Lamp</p></div><p>Did it help?</p>"
    ),
    'Yes.<div class="moz-cite-prefix">Am 2.3.26 schrieb Acme:</div><blockquote type="cite">Did it help?</blockquote>',
    '<div dir="auto">Yes.</div><div class="yahoo_quoted"><div>Monday, Acme wrote:</div><div>Did it help?</div></div>',
    '<div>Yes.</div><blockquote type="cite"><div>On 2 Mar 2026, Acme wrote:</div><div>Did it help?</div></blockquote>',
    '<div>Yes.</div><div class="protonmail_quote">On Monday Acme wrote:<blockquote>Did it help?</blockquote></div>',
    '<div>Yes.</div><hr id="zwchr"><div>Acme, Monday</div><div>Did it help?</div>',
    '<div>Yes.</div><div name="quote" style="border-left:2px solid"><b>Gesendet:</b> Montag<br>Did it help?</div>',
    '<div>Yes.</div><div class="x_gmail_quote"><blockquote>Did it help?</blockquote></div>',
    '<div>Yes.</div><div id="mail-editor-reference-message-container"><div>Did it help?</div></div>',
]


@pytest.mark.parametrize("html", HTML)
def test_quotes_are_cut_by_the_markers_of_mail_clients(html: str) -> None:
    assert of_html(html).text == "Yes."


def test_html_markers_help_where_the_plain_text_has_none() -> None:
    html = '<div>Yes.</div><div id="divRplyFwdMsg">Acme</div><div>Did it help?</div>'
    assert new_text("Yes.\n\nAcme\n\nDid it help?", html).text == "Yes."


def test_an_indented_paragraph_is_no_quote() -> None:
    html = '<div>See:</div><blockquote style="margin:0 0 0 40px;border:none;padding:0px">this</blockquote>'
    assert of_html(html).text == "See:\nthis"


def test_an_html_signature_is_set_apart() -> None:
    reply = of_html('<div>My lamp is broken.</div><div class="gmail_signature">Ann Berg<br>Berg Ltd.</div>')
    assert (reply.text, reply.signature) == ("My lamp is broken.", "Ann Berg\nBerg Ltd.")
