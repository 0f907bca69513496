"""What mail clients write around quoted mail and signatures, in the languages their users set them to.

Tables only; `reply` applies them. Words are in lower case.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",") if word.strip())


# Labels of the header block that Outlook and others put above an earlier mail.
FROM = _words(
    "from, von, de, da, van, från, fra, lähettäjä, od, feladó, от, от кого, від, kimden, gönderen, από,"
    "发件人, 寄件者, 寄件人, 差出人, 送信者, 보낸 사람, 보낸사람, מאת, من, expéditeur, remitente, mittente,"
    "absender, afzender, expeditor, afsender, avsändare, avsender, nadawca, odesílatel, odosielateľ,"
    "pošiljatelj, šalje, saatja, nuo, no, dari, từ"
)
SUBJECT = _words(
    "subject, betreff, objet, asunto, oggetto, assunto, onderwerp, ämne, emne, aihe, temat, předmět, predmet,"
    "tárgy, subiect, тема, konu, θέμα, 主题, 主旨, 主題, 件名, 제목, הנדון, נושא, الموضوع, teema, tema,"
    "temats, chủ đề, perihal"
)
LABELS = (
    FROM
    | SUBJECT
    | _words(
        "sent, date, to, cc, bcc, reply-to, importance, priority, attachments, attachment, gesendet, gesendet am,"
        "datum, an, kopie, antwort an, priorität, wichtigkeit, anlagen, envoyé, envoyé le, date d'envoi, à,"
        "destinataire, répondre à, enviado, enviado el, enviado em, enviada em, enviada, fecha, data, para,"
        "responder a, inviato, data invio, a, rispondi a, verzonden, verzonden op, aan, beantwoorden, skickat,"
        "till, kopia, sendt, dato, til, kopi, lähetetty, päivämäärä, vastaanottaja, kopio, wysłano, do,"
        "data wysłania, dw, odesláno, komu, odoslané, dátum, elküldve, címzett, másolat, trimis, către,"
        "отправлено, дата, кому, копия, надіслано, відправлено, gönderildi, gönderilme tarihi, kime, tarih,"
        "bilgi, εστάλη, ημερομηνία, προς, κοιν., 发送时间, 收件人, 抄送, 日期, 发送日期, 寄件日期, 收件者, 副本,"
        "送信日時, 日時, 宛先, 받는 사람, 받는사람, 보낸 날짜, 날짜, 참조, נשלח, אל, תאריך, تاريخ, إلى, مرسل,"
        "poslano, za, saadetud, išsiųsta, kam, nosūtīts, kepada, tanggal, dikirim, gửi, đến, ngày"
    )
)

# The verb of "On …, X wrote:", as far as it is needed to tell it.
WROTE = re.compile(
    r"\b(?:wrote|writes|schrieb(?:en)?|schreef|skrev|a écrit|escribi[oó]|ha scritto|scrisse|escreveu|kirjoitti|"
    r"napisa[lł](?:\(a\)|a)?|nap[ií]sal(?:\(a\)|a)?|(?:ezt )?írta|a scris|написал(?:\(а\)|а)?|пишет|пише|"
    r"написа(?:в|ла)|yazd[ıi]|έγραψε|va escriure|escrigué|rašė|kirjutas|rakstīja|je napisa[ol]|menulis|đã viết|"
    r"sent the following|replied|respondi[oó]|geschreven|skrifaði|shkroi)\b|写道|寫道|님이 작성|작성|のメール|"
    r"書きました|كتب|כתב|เขียน|writes?$",
    re.IGNORECASE,
)
# Words such a line begins with: a piece of it may stand alone on the line before.
OPENS = re.compile(
    r"\W*(?:on|am|le|el|il|il giorno|em|no dia|op|den|el dia|dne|dnia|w dniu|în|pe|στις|pada|vào|na|a|il giorno)\s"
    r"(?=.*\d)|\W*(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim)[a-z]*\.?,?\s.*\d",
    re.IGNORECASE,
)

# "-----Original Message-----" and its kin: everything below is the earlier mail.
ORIGINAL = re.compile(
    r"[\s>*]*[-_=—–]{2,}\s*(?:reply to |antwort auf )?(?:original(?:\s+email)?\s+message|original message|"
    r"original e?-?mail|original-nachricht|originalnachricht|ursprüngliche nachricht|ursprüngliche e-mail|"
    r"message d.origine|message original|mail original|mensaje original|messaggio originale|mensagem original|"
    r"oorspronkelijk bericht|origineel bericht|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|"
    r"opprinnelig melding|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|"
    r"pôvodná správa|eredeti üzenet|mesaj original|mesajul original|исходное сообщение|оригинальное сообщение|"
    r"orijinal (?:mesaj|ileti)|αρχικό μήνυμα|原始邮件|原始郵件|邮件原件|元のメッセージ|original mail|원본 메시지|"
    r"הודעה מקורית|الرسالة الأصلية|quoted text|исходное письмо)\s*[-_=—–]{2,}.*",
    re.IGNORECASE,
)
# Forwarded mail is content: its reader is meant to read it.
FORWARDED = re.compile(
    r"[\s>*]*(?:[-_=—–]{2,}\s*(?:forwarded (?:message|by).*|weitergeleitete nachricht|message transféré|"
    r"message transmis|mensaje reenviado|messaggio inoltrato|mensagem encaminhada|doorgestuurd bericht|"
    r"vidarebefordrat meddelande|videresendt (?:meddelelse|melding)|välitetty viesti|wiadomość przekazana|"
    r"przekazana wiadomość|přeposlaná zpráva|továbbított üzenet|mesaj redirecționat|пересылаемое сообщение|"
    r"пересланное сообщение|iletilen (?:mesaj|ileti)|转发的邮件|轉寄郵件|転送メッセージ|전달된 메시지)\s*[-_=—–]{2,}.*|"
    r"begin forwarded message:|anfang der weitergeleiteten nachricht:|début du message réexpédié :|"
    r"début du message transféré :|inicio del mensaje reenviado:|inizio messaggio inoltrato:)\s*",
    re.IGNORECASE,
)
# The line our own and other desks ask people to write above.
ABOVE = re.compile(
    r"[\s#>*-]*(?:please )?(?:type your )?(?:reply|write|respond|answer|antworten sie|antwort bitte|répondez|responda|"
    r"escriba|schrijf)[^.!?\n]{0,40}(?:above this line|oberhalb dieser (?:linie|zeile)|über dieser (?:linie|zeile)|"
    r"au-dessus de cette ligne|por encima de esta línea|acima desta linha|boven deze (?:lijn|regel))[\s#*.-]*",
    re.IGNORECASE,
)

# Signatures that devices and programs add by themselves. A person's "sent from my desk, which …" is longer.
DEVICE = re.compile(
    r"\W*(?:(?:sent|typed|dictated|written)(?: \w+)? (?:from|with|via|using|on) (?:my |the |an? )?"
    r"(?:[\w.+'’-]+ ){0,3}(?:iphone|ipad|ipod|blackberry|android|samsung|galaxy|nokia|htc|huawei|xiaomi|pixel|phone|"
    r"smartphone|mobile|handheld|device|tablet|windows phone|outlook|yahoo mail|gmail|mail|mailbox|proton ?mail|spark|"
    r"sparrow|surface|aol|mobile device|windows mail|email app|treo|palm|motorola|sony xperia|apple watch|mac|macbook)"
    r"(?: [\w.+’'/()-]+){0,6}"
    r"|(?:von|vom) (?:meine[mr] )?(?:mobil|iphone|ipad|handy|smartphone|blackberry|samsung|android)\S*(?: \w+){0,3}"
    r"(?: gesendet| aus gesendet)?"
    r"|gesendet (?:von|mit|über) .{1,50}|diese nachricht wurde von meinem .{1,60} gesendet"
    r"|envoyé (?:de|depuis|à partir d[e'’]|avec|sans fil).{1,60}"
    r"|(?:enviado|enviada) (?:desde|do|de|a partir d|con|pelo) ?.{1,50}"
    r"|inviato (?:da|dal|con) .{1,50}|verzonden (?:vanaf|met|via|van) .{1,50}|verstuurd vanaf .{1,50}"
    r"|skickat från .{1,50}|sendt fra .{1,50}|lähetetty .{1,50}(?:sta|stä|lta|ltä|puhelimesta)"
    r"|wysłan[eoy] z .{1,50}|odesláno z .{1,50}|odoslané z .{1,50}|отправлено (?:с|из) .{1,50}|надіслано з .{1,50}"
    r"|iphone['’]?(?:um)?dan gönderildi|.{1,30}(?:ımdan|imden|dan|den) gönderildi|trimis de pe .{1,50}"
    r"|iphone から送信|iphoneから送信|发自我的.{1,30}|從我的.{1,20}傳送|나의 iphone에서 보냄"
    r"|get outlook for (?:ios|android|mobile).*|outlook für (?:ios|android) (?:herunterladen|beziehen).*"
    r"|télécharge[rz] outlook pour .*|obtener outlook para .*|obtenir outlook pour .*|outlook voor .* downloaden.*"
    r"|(?:yahoo mail: |sent from yahoo).{1,60}|sent by .{0,30}(?:boxer|mail app))\W*(?:https?://\S+\W*|<\S+>\W*)*",
    re.IGNORECASE,
)

# The words before a name at the end.
CLOSING = re.compile(
    r"\W*(?:(?:with )?(?:kind|best|warm|many|kindest|warmest)(?:est)?(?: \w+)? ?(?:regards|wishes|thanks)?|regards|"
    r"best|cheers|sincerely(?: yours)?|yours(?: sincerely| truly| faithfully)?|respectfully|cordially|"
    r"(?:many )?thanks(?: a lot| again| so much| and .{1,30}| in advance)?|thank you(?: .{1,30})?|thx|rgds|br|"
    r"(?:mit )?(?:freundliche[nm]?|besten?|viele|liebe|herzliche[nm]?|schöne) (?:grüße[n]?|grüsse[n]?|gruß|gruss|"
    r"gruessen?|dank)(?: .{1,30})?|mfg|vg|lg|gruß|grüße|viele grüße|danke(?: .{1,30})?|hochachtungsvoll|"
    r"(?:bien )?cordialement|(?:bien )?à vous|salutations(?: .{1,20})?|merci(?: .{1,30})?|amicalement|"
    r"(?:un )?(?:cordial )?saludos?(?: .{1,20})?|atentamente|gracias(?: .{1,30})?|cordiali saluti|"
    r"distinti saluti|saluti|grazie(?: .{1,30})?|atenciosamente|cumprimentos|obrigad[oa](?: .{1,20})?|"
    r"met vriendelijke groeten?|(?:vriendelijke )?groet(?:en|jes)?|mvg|med vänlig(?:a)? hälsning(?:ar)?|vänligen|mvh|"
    r"med venlig hilsen|(?:med )?vennlig hilsen|mvh|ystävällisin terveisin|terveisin|z poważaniem|pozdrawiam|"
    r"s pozdravem|s pozdravom|üdvözlettel|cu stimă|с уважением|з повагою|saygılarımla|με εκτίμηση)\W*",
    re.IGNORECASE,
)
# What stands in a contact block: one such line marks what follows a closing as a signature.
CONTACT = re.compile(
    r"https?://|www\.|\S@\S+\.\S|(?:\+|\b00)\d[\d ()/.-]{6,}|\(?\d{2,5}\)?[ /.-]\d{2,}[ /.-]?\d{2,}"
    r"|\b(?:tel|phone|mobile?|fax|cell|gmbh|ltd|inc|llc|e-?mail|web|ag|s\.?a\.?|b\.?v\.?|telefon|téléphone|handy|"
    r"manager|director|engineer|head of|ceo|cto|developer|consultant|officer|amtsgericht|hrb|ust-?id)\b",
    re.IGNORECASE,
)
# Legal footers: they open a last paragraph of their own.
DISCLAIMER = re.compile(
    r"\W*(?:(?:this|the (?:information|contents?)|any|internet)[^.]{0,60}(?:e-?mail|message|communication)[^.]{0,160}"
    r"(?:confidential|privileged|intended|solely)|confidentiality (?:notice|note)|disclaimer\b|legal (?:notice|note)"
    r"|(?:diese|die in dieser) e-?mail[^.]{0,120}vertraulich|ce (?:message|courriel|mail)[^.]{0,120}confidentiel"
    r"|este (?:mensaje|correo|e-?mail)[^.]{0,120}confidencial|(?:il|questo) (?:presente )?messaggio[^.]{0,120}riservat"
    r"|esta mensagem[^.]{0,120}confidencia|dit (?:bericht|e-?mail)[^.]{0,120}vertrouwelijk"
    r"|virus-free\b|virenfrei\b|this e-?mail (?:has been|was) (?:checked|scanned)|diese e-?mail wurde von avast"
    r"|(?:please )?(?:consider|think (?:of|about)) the environment"
    r"|(?:vor dem ausdrucken|bitte denken sie an die umwelt))",
    re.IGNORECASE,
)
# The footer that list software adds below a drawn line.
LIST_FOOTER = re.compile(
    r"mailing list|listinfo|mailman|unsubscribe|you received this (?:message|e-?mail|because)|abmelden|désinscrire|"
    r"-?users@|googlegroups\.com",
    re.IGNORECASE,
)
