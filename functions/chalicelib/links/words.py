"""What the pages say, by language. English where a language is missing."""

from __future__ import annotations

from typing import TypedDict


class Words(TypedDict):
    """`scores` say what 1 to 5 mean."""

    request: str
    gone: str
    question: str
    scores: tuple[str, str, str, str, str]
    comment: str
    send: str
    thanks: str
    change: str
    choose: str
    stop: str
    stopped: str


WORDS: dict[str, Words] = {
    "en": {
        "request": "Request",
        "gone": "This link does not work, or no longer.",
        "question": "How satisfied are you with our help?",
        "scores": ("Very dissatisfied", "Dissatisfied", "Neither", "Satisfied", "Very satisfied"),
        "comment": "Anything you would like to add?",
        "send": "Send",
        "thanks": "Thank you. Your answer has been kept.",
        "change": "You can still change it.",
        "choose": "Please choose one.",
        "stop": "No more notification mails from",
        "stopped": "You get no more of these mails. In the app you can turn them on again.",
    },
    "de": {
        "request": "Anfrage",
        "gone": "Dieser Link gilt nicht oder nicht mehr.",
        "question": "Wie zufrieden sind Sie mit unserer Hilfe?",
        "scores": ("Sehr unzufrieden", "Unzufrieden", "Teils, teils", "Zufrieden", "Sehr zufrieden"),
        "comment": "Möchten Sie etwas ergänzen?",
        "send": "Senden",
        "thanks": "Vielen Dank. Ihre Antwort ist angekommen.",
        "change": "Sie können sie noch ändern.",
        "choose": "Bitte wählen Sie aus.",
        "stop": "Keine Benachrichtigungen per Mail mehr von",
        "stopped": "Sie bekommen diese Mails nicht mehr. In der Anwendung lassen sie sich wieder einschalten.",
    },
    "fr": {
        "request": "Demande",
        "gone": "Ce lien n'est pas ou plus valable.",
        "question": "Êtes-vous satisfait de notre aide ?",
        "scores": ("Pas du tout satisfait", "Peu satisfait", "Ni l'un ni l'autre", "Satisfait", "Très satisfait"),
        "comment": "Souhaitez-vous ajouter quelque chose ?",
        "send": "Envoyer",
        "thanks": "Merci. Votre réponse a été enregistrée.",
        "change": "Vous pouvez encore la modifier.",
        "choose": "Veuillez choisir.",
        "stop": "Ne plus recevoir de notifications par courriel de",
        "stopped": "Vous ne recevrez plus ces courriels. Vous pouvez les réactiver dans l'application.",
    },
    "es": {
        "request": "Solicitud",
        "gone": "Este enlace no es válido o ha caducado.",
        "question": "¿Está satisfecho con nuestra ayuda?",
        "scores": ("Muy insatisfecho", "Insatisfecho", "Ni lo uno ni lo otro", "Satisfecho", "Muy satisfecho"),
        "comment": "¿Desea añadir algo?",
        "send": "Enviar",
        "thanks": "Gracias. Hemos recibido su respuesta.",
        "change": "Aún puede cambiarla.",
        "choose": "Elija una opción.",
        "stop": "No recibir más notificaciones por correo de",
        "stopped": "Ya no recibirá estos correos. Puede volver a activarlos en la aplicación.",
    },
}


def words_of(language: str | None) -> Words:
    return WORDS.get((language or "en")[:2], WORDS["en"])
