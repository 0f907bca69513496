"""HTML mail for display: nothing runs, nothing loads, nothing leaves its place."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from chalicelib.intake.sanitise import displayed
from hypothesis import given, settings
from hypothesis import strategies as st

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<IMG SRC="jav&#x09;ascript:alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\nscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:x">x</a>',
    '<a href="//evil.test">x</a>',
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form action=https://evil.test><input name=password><button>go</button></form>",
    "<base href=https://evil.test><meta http-equiv=refresh content='0;url=https://evil.test'>",
    "<link rel=stylesheet href=https://evil.test><style>*{background:url(https://evil.test)}</style>",
    "<iframe src=https://evil.test></iframe><object data=https://evil.test></object><embed src=https://evil.test>",
    "<video src=https://evil.test poster=https://evil.test></video><audio src=https://evil.test></audio>",
    "<p style='background:url(https://evil.test)'>x",
    "<p style='background-color:u\\72l(https://evil.test)'>x",
    "<p style='color:red;width:expression(alert(1))'>x",
    "<table background=https://evil.test><td background=https://evil.test>x</table>",
    "<img srcset='https://evil.test 1x'><picture><source srcset=https://evil.test></picture>",
    "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<p onmouseover=alert(1) id=login class=modal name=x>x",
    "<p style='position:fixed;top:0;left:0;width:100%;height:100%;z-index:9'>x",
    "<p style='margin-left:-9999px'>x",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<!--[if gte mso 9]><img src=https://evil.test><![endif]-->",
    "<x-custom onclick=alert(1)>x</x-custom>",
]


class _Judge(HTMLParser):
    """Everything in the result that could run, load or deceive."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {
            "script",
            "style",
            "iframe",
            "form",
            "input",
            "button",
            "svg",
            "math",
            "base",
            "link",
            "meta",
            "object",
        }:
            self.found.append(tag)
        for name, given_value in attrs:
            value = (given_value or "").lower()
            if name.startswith("on") or name in {"id", "class", "name", "srcset", "background", "action", "formaction"}:
                self.found.append(name)
            if name == "href" and not value.startswith(("http:", "https:", "mailto:", "tel:")):
                self.found.append(value)
            if name == "src" and not value.startswith(("cid:", "data:image/")):
                self.found.append(value)
            if name == "src" and "svg" in value:
                self.found.append(value)
            if name == "style" and any(word in value for word in ("url", "position", "expression", "\\", "-9")):
                self.found.append(value)


def dangers(html: str) -> list[str]:
    judge = _Judge()
    judge.feed(html)
    return judge.found


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_come_out_harmless(attack: str) -> None:
    shown = displayed(f"<p>before</p>{attack}")
    assert shown is not None
    assert dangers(shown.html) == []
    assert shown.html.startswith("<p>before</p>")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=12)), max_size=6).map("".join))
def test_no_mixture_of_attacks_comes_through(source: str) -> None:
    shown = displayed(source)
    assert shown is not None
    assert dangers(shown.html) == []
    assert "\0" not in shown.html


def test_remote_images_wait_for_the_reader() -> None:
    shown = displayed('<img src="https://t.test/p.gif?a=1&b=2" width=1 alt="<img src=x>"><IMG SRC=HTTP://t.test/q>')
    assert shown is not None
    assert shown.remote_images == 2
    assert " src=" not in shown.html.replace('alt="&lt;img src=x&gt;"', "")
    assert 'data-remote-src="https://t.test/p.gif?a=1&amp;b=2"' in shown.html


def test_inline_images_keep_their_content_id() -> None:
    shown = displayed('<img src="cid:logo@acme"><img src="data:image/png;base64,iVBORw==">')
    assert shown is not None
    assert shown.html == '<img src="cid:logo@acme"><img src="data:image/png;base64,iVBORw==">'
    assert shown.remote_images == 0


def test_links_open_apart_and_tell_nothing() -> None:
    shown = displayed('<a href="https://acme.test/x" title="https://good.test">x</a>')
    assert shown is not None
    assert 'rel="noopener noreferrer nofollow"' in shown.html
    assert 'target="_blank"' in shown.html
    assert "good.test" not in shown.html


def test_ordinary_looks_are_kept() -> None:
    html = '<p style="color:red">Hi <b>you</b></p><table><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
    shown = displayed(html)
    assert shown is not None
    assert shown.html == html


def test_html_too_large_to_clean_is_not_shown_at_all() -> None:
    assert displayed("<div>" * 50_000) is None
