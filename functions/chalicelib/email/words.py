"""The few sentences that mails bring of their own, by language. English where a language is missing."""

from __future__ import annotations

from typing import TypedDict


class Words(TypedDict):
    """`ai` says who wrote; `keep_subject` how to answer; `scores` what 1 to 5 mean.

    `kinds` say what members are told of, by private.notification_kinds; `unread` what becomes of their answers.
    `invitation` and `chat` are subjects, `accept_by_id` what one reads where there is no inbox to link to.
    """

    ticket: str
    receipt: str
    keep_subject: str
    ai: str
    csat: str
    scores: tuple[str, str, str, str, str]
    form: str
    news: str
    kinds: dict[str, str]
    stop: str
    unread: str
    invitation: str
    invited: str
    accept: str
    accept_by_id: str
    until: str
    chat: str
    away: str
    files: str
    given: str


WORDS: dict[str, Words] = {
    "en": {
        "ticket": "Request",
        "receipt": "Thank you for your message. We have received it and will get back to you.",
        "keep_subject": "To add something, just answer this mail.",
        "ai": "This answer was written by our assistant. Answer this mail if it did not help: a person will read it.",
        "csat": "How satisfied are you with our help?",
        "scores": ("Very dissatisfied", "Dissatisfied", "Neither", "Satisfied", "Very satisfied"),
        "form": "Fill in the form:",
        "news": "news",
        "kinds": {
            "mentioned": "you were mentioned",
            "assigned": "the ticket is yours now",
            "team_assigned": "the ticket came to your team",
            "replied": "the customer wrote",
            "noted": "a note was left",
            "sla_warned": "the ticket is nearly late",
            "sla_breached": "the ticket is late",
            "rated_badly": "the customer was not satisfied",
            "mail_failed": "an answer did not reach the customer",
            "webhook_disabled": "a webhook endpoint was switched off",
        },
        "stop": "No more of these mails:",
        "unread": "Answers to this mail are not added to a ticket.",
        "invitation": "Invitation",
        "invited": "You are invited to the support desk of {organization}.",
        "accept": "Sign in with the address that this mail went to, and accept:",
        "accept_by_id": "Sign in with the address that this mail went to, and accept the invitation",
        "until": "It is good until {until}. Whoever did not expect it need not do anything.",
        "chat": "Your chat",
        "away": "While you were away, we answered in the chat:",
        "files": "Files are in the chat: {files}",
        "given": "Somebody gave this address in our chat. If it was not you, you need not do anything.",
    },
    "de": {
        "ticket": "Anfrage",
        "receipt": "Vielen Dank für Ihre Nachricht. Sie ist bei uns angekommen, wir melden uns.",
        "keep_subject": "Wenn Sie etwas ergänzen möchten, antworten Sie einfach auf diese Mail.",
        "ai": "Diese Antwort hat unser Assistent geschrieben. Half sie nicht, antworten Sie: Ein Mensch liest mit.",
        "csat": "Wie zufrieden sind Sie mit unserer Hilfe?",
        "scores": ("Sehr unzufrieden", "Unzufrieden", "Teils, teils", "Zufrieden", "Sehr zufrieden"),
        "form": "Zum Formular:",
        "news": "Neuigkeiten",
        "kinds": {
            "mentioned": "Sie wurden erwähnt",
            "assigned": "die Anfrage ist jetzt Ihre",
            "team_assigned": "die Anfrage kam zu Ihrem Team",
            "replied": "der Kunde hat geschrieben",
            "noted": "es gibt eine neue Notiz",
            "sla_warned": "die Anfrage ist bald überfällig",
            "sla_breached": "die Anfrage ist überfällig",
            "rated_badly": "der Kunde war nicht zufrieden",
            "mail_failed": "eine Antwort kam beim Kunden nicht an",
            "webhook_disabled": "ein Webhook-Endpunkt wurde abgeschaltet",
        },
        "stop": "Keine solchen Mails mehr:",
        "unread": "Antworten auf diese Mail kommen in keine Anfrage.",
        "invitation": "Einladung",
        "invited": "Sie sind zum Support-Desk von {organization} eingeladen.",
        "accept": "Melden Sie sich mit der Adresse an, an die diese Mail ging, und nehmen Sie an:",
        "accept_by_id": "Melden Sie sich mit der Adresse an, an die diese Mail ging, und nehmen Sie die Einladung an",
        "until": "Sie gilt bis {until}. Haben Sie sie nicht erwartet, brauchen Sie nichts zu tun.",
        "chat": "Ihr Chat",
        "away": "Während Sie weg waren, haben wir im Chat geantwortet:",
        "files": "Dateien sind im Chat: {files}",
        "given": "Diese Adresse wurde in unserem Chat angegeben. Waren Sie es nicht, brauchen Sie nichts zu tun.",
    },
    "fr": {
        "ticket": "Demande",
        "receipt": "Merci pour votre message. Nous l'avons bien reçu et reviendrons vers vous.",
        "keep_subject": "Pour ajouter quelque chose, répondez simplement à ce courriel.",
        "ai": "Cette réponse a été écrite par notre assistant. Si elle n'aide pas, répondez : une personne vous lira.",
        "csat": "Êtes-vous satisfait de notre aide ?",
        "scores": ("Pas du tout satisfait", "Peu satisfait", "Ni l'un ni l'autre", "Satisfait", "Très satisfait"),
        "form": "Remplir le formulaire :",
        "news": "nouvelles",
        "kinds": {
            "mentioned": "vous avez été mentionné",
            "assigned": "la demande est à vous",
            "team_assigned": "la demande est arrivée dans votre équipe",
            "replied": "le client a écrit",
            "noted": "une note a été laissée",
            "sla_warned": "la demande est bientôt en retard",
            "sla_breached": "la demande est en retard",
            "rated_badly": "le client n'était pas satisfait",
            "mail_failed": "une réponse n'est pas arrivée au client",
            "webhook_disabled": "un point de terminaison webhook a été désactivé",
        },
        "stop": "Ne plus recevoir ces courriels :",
        "unread": "Les réponses à ce courriel ne sont ajoutées à aucune demande.",
        "invitation": "Invitation",
        "invited": "Vous êtes invité au support de {organization}.",
        "accept": "Connectez-vous avec l'adresse à laquelle ce courriel est arrivé, puis acceptez :",
        "accept_by_id": "Connectez-vous avec l'adresse à laquelle ce courriel est arrivé, puis acceptez l'invitation",
        "until": "Elle est valable jusqu'au {until}. Si vous ne l'attendiez pas, il n'y a rien à faire.",
        "chat": "Votre discussion",
        "away": "Pendant votre absence, nous avons répondu dans la discussion :",
        "files": "Les fichiers sont dans la discussion : {files}",
        "given": "Cette adresse a été donnée dans notre discussion. Si ce n'était pas vous, il n'y a rien à faire.",
    },
    "es": {
        "ticket": "Solicitud",
        "receipt": "Gracias por su mensaje. Lo hemos recibido y le responderemos.",
        "keep_subject": "Para añadir algo, responda a este correo.",
        "ai": "Esta respuesta la ha escrito nuestro asistente. Si no le ayuda, responda: la leerá una persona.",
        "csat": "¿Está satisfecho con nuestra ayuda?",
        "scores": ("Muy insatisfecho", "Insatisfecho", "Ni lo uno ni lo otro", "Satisfecho", "Muy satisfecho"),
        "form": "Rellenar el formulario:",
        "news": "novedades",
        "kinds": {
            "mentioned": "le han mencionado",
            "assigned": "la solicitud es suya",
            "team_assigned": "la solicitud llegó a su equipo",
            "replied": "el cliente ha escrito",
            "noted": "hay una nota nueva",
            "sla_warned": "la solicitud está a punto de vencer",
            "sla_breached": "la solicitud ha vencido",
            "rated_badly": "el cliente no quedó satisfecho",
            "mail_failed": "una respuesta no llegó al cliente",
            "webhook_disabled": "se ha desactivado un punto de webhook",
        },
        "stop": "No recibir más estos correos:",
        "unread": "Las respuestas a este correo no se añaden a ninguna solicitud.",
        "invitation": "Invitación",
        "invited": "Le invitan al servicio de soporte de {organization}.",
        "accept": "Inicie sesión con la dirección a la que llegó este correo y acepte:",
        "accept_by_id": "Inicie sesión con la dirección a la que llegó este correo y acepte la invitación",
        "until": "Es válida hasta el {until}. Si no la esperaba, no tiene que hacer nada.",
        "chat": "Su chat",
        "away": "Mientras no estaba, hemos respondido en el chat:",
        "files": "Los archivos están en el chat: {files}",
        "given": "Alguien dio esta dirección en nuestro chat. Si no fue usted, no tiene que hacer nada.",
    },
}


def words_of(language: str | None) -> Words:
    return WORDS.get((language or "en")[:2], WORDS["en"])
