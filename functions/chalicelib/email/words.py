"""The few sentences that mails bring of their own, by language. English where a language is missing."""

from __future__ import annotations

from typing import TypedDict


class Words(TypedDict):
    """`ai` says who wrote; `keep_subject` how to answer; `scores` what 1 to 5 mean."""

    ticket: str
    receipt: str
    keep_subject: str
    ai: str
    csat: str
    scores: tuple[str, str, str, str, str]


WORDS: dict[str, Words] = {
    "en": {
        "ticket": "Request",
        "receipt": "Thank you for your message. We have received it and will get back to you.",
        "keep_subject": "To add something, just answer this mail.",
        "ai": "This answer was written by our assistant. Answer this mail if it did not help: a person will read it.",
        "csat": "How satisfied are you with our help?",
        "scores": ("Very dissatisfied", "Dissatisfied", "Neither", "Satisfied", "Very satisfied"),
    },
    "de": {
        "ticket": "Anfrage",
        "receipt": "Vielen Dank für Ihre Nachricht. Sie ist bei uns angekommen, wir melden uns.",
        "keep_subject": "Wenn Sie etwas ergänzen möchten, antworten Sie einfach auf diese Mail.",
        "ai": "Diese Antwort hat unser Assistent geschrieben. Half sie nicht, antworten Sie: Ein Mensch liest mit.",
        "csat": "Wie zufrieden sind Sie mit unserer Hilfe?",
        "scores": ("Sehr unzufrieden", "Unzufrieden", "Teils, teils", "Zufrieden", "Sehr zufrieden"),
    },
    "fr": {
        "ticket": "Demande",
        "receipt": "Merci pour votre message. Nous l'avons bien reçu et reviendrons vers vous.",
        "keep_subject": "Pour ajouter quelque chose, répondez simplement à ce courriel.",
        "ai": "Cette réponse a été écrite par notre assistant. Si elle n'aide pas, répondez : une personne vous lira.",
        "csat": "Êtes-vous satisfait de notre aide ?",
        "scores": ("Pas du tout satisfait", "Peu satisfait", "Ni l'un ni l'autre", "Satisfait", "Très satisfait"),
    },
    "es": {
        "ticket": "Solicitud",
        "receipt": "Gracias por su mensaje. Lo hemos recibido y le responderemos.",
        "keep_subject": "Para añadir algo, responda a este correo.",
        "ai": "Esta respuesta la ha escrito nuestro asistente. Si no le ayuda, responda: la leerá una persona.",
        "csat": "¿Está satisfecho con nuestra ayuda?",
        "scores": ("Muy insatisfecho", "Insatisfecho", "Ni lo uno ni lo otro", "Satisfecho", "Muy satisfecho"),
    },
}


def words_of(language: str | None) -> Words:
    return WORDS.get((language or "en")[:2], WORDS["en"])
