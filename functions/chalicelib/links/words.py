"""What the pages say, by language. English where a language is missing."""

from __future__ import annotations

from typing import TypedDict


class Words(TypedDict):
    """`scores` say what 1 to 5 mean; `problems` what is wrong with an answer, by private.form_answer_error."""

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
    answered: str
    problems: dict[str, str]


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
        "answered": "Thank you. The form has been filled in.",
        "problems": {
            "required": "Please fill this in.",
            "too_long": "This is too long.",
            "option": "Please choose from the list.",
            "text": "A text, please.",
            "number": "A number, please.",
            "boolean": "Yes or no, please.",
            "date": "A date, please, as 2026-01-31.",
            "url": "A web address, please.",
            "email": "An e-mail address, please.",
            "phone": "A phone number, please.",
            "unknown": "There is no such field.",
        },
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
        "answered": "Vielen Dank. Das Formular ist ausgefüllt.",
        "problems": {
            "required": "Bitte ausfüllen.",
            "too_long": "Das ist zu lang.",
            "option": "Bitte aus der Liste wählen.",
            "text": "Bitte einen Text.",
            "number": "Bitte eine Zahl.",
            "boolean": "Bitte ja oder nein.",
            "date": "Bitte ein Datum, wie 2026-01-31.",
            "url": "Bitte eine Webadresse.",
            "email": "Bitte eine Mailadresse.",
            "phone": "Bitte eine Telefonnummer.",
            "unknown": "Dieses Feld gibt es nicht.",
        },
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
        "answered": "Merci. Le formulaire est rempli.",
        "problems": {
            "required": "Veuillez remplir ce champ.",
            "too_long": "C'est trop long.",
            "option": "Veuillez choisir dans la liste.",
            "text": "Un texte, s'il vous plaît.",
            "number": "Un nombre, s'il vous plaît.",
            "boolean": "Oui ou non, s'il vous plaît.",
            "date": "Une date, comme 2026-01-31.",
            "url": "Une adresse web, s'il vous plaît.",
            "email": "Une adresse électronique, s'il vous plaît.",
            "phone": "Un numéro de téléphone, s'il vous plaît.",
            "unknown": "Ce champ n'existe pas.",
        },
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
        "answered": "Gracias. El formulario está completado.",
        "problems": {
            "required": "Rellene este campo.",
            "too_long": "Es demasiado largo.",
            "option": "Elija de la lista.",
            "text": "Un texto, por favor.",
            "number": "Un número, por favor.",
            "boolean": "Sí o no, por favor.",
            "date": "Una fecha, como 2026-01-31.",
            "url": "Una dirección web, por favor.",
            "email": "Una dirección de correo, por favor.",
            "phone": "Un número de teléfono, por favor.",
            "unknown": "Este campo no existe.",
        },
    },
}


def words_of(language: str | None) -> Words:
    return WORDS.get((language or "en")[:2], WORDS["en"])
