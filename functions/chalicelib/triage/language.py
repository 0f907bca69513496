"""Which language a message is written in; short and mixed texts lean on what the organization writes in."""

from __future__ import annotations

import re

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from chalicelib.kit.once import once
from chalicelib.triage.signals import Signal

_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|[#@]\w+|\b[A-Z]*\d[\w-]*\b")
# Names of people, firms and places inside a sentence: in another language than the text, as often as not. (German
# nouns go too; what is left of a German sentence is as German.)
_NAME = re.compile(r"(?<=[\w,;] )[^\W\d_a-z][a-zà-öø-ÿ]+\b")
_ENOUGH = 0.5
_PRIOR = 0.9  # how far a text too short to judge is trusted to be in the organization's language
_FEW_LETTERS = 12
# The classifier knows 130; those that nobody writes to a support desk in only draw short texts to themselves.
_LANGUAGES = (
    "ar az bg bn ca cs cy da de el en es et eu fa fi fr ga gu he hi hr hu hy id is it ja ka kk kn ko lt "
    "lv mk ml mr ms mt ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh"
)


def detect(text: str, usual: str = "en") -> Signal:
    """ISO 639-1 code. `usual` is the organization's language: it stands where the text says too little."""
    plain = _NOISE.sub(" ", text)[:4000]
    letters = sum(character.isalpha() for character in plain)
    if not letters:
        return Signal(usual, 0.5)
    nameless = _NAME.sub(" ", plain)
    if sum(character.isalpha() for character in nameless) >= 2 * _FEW_LETTERS:
        plain = nameless
    # Capitals mislead the classifier.
    code, confidence = _identifier().classify(plain.lower())
    code, confidence = str(code), float(confidence)
    latin = sum("a" <= character <= "\u024f" for character in plain.lower()) > letters / 2
    if latin and code != usual and (letters < _FEW_LETTERS or confidence < _ENOUGH):
        return Signal(usual, max(0.5, _PRIOR - confidence / 2))
    return Signal(code, confidence)


@once
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES.split())
    return identifier
