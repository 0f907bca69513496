import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    title: "Sign in",
    why: "We send you a link: no password to remember. Your tickets are those written from this address.",
    email: "E-mail",
    sendLink: "Send me the link",
    sentTitle: "Look into your mailbox",
    sent: "A link is on its way to {email}. Open it in this browser; it works once.",
    another: "Use another address",
    sendAgain: "Send it again",
    failedLink:
      "That link has been used, is too old, or was asked for in another browser. Ask for a new one here.",
    tooOften: "A link was sent just now. Wait a minute before you ask for another.",
    failed: "The link could not be sent: {problem}",
    needed: "Sign in to see your tickets",
    closed: "{name} takes no messages here. Write to the address that you know.",
  },
  ar: {
    title: "تسجيل الدخول",
    why: "نرسل إليك رابطًا، فلا كلمة مرور تحفظها. تذاكرك هي ما كُتب من هذا العنوان.",
    email: "البريد الإلكتروني",
    sendLink: "أرسل لي الرابط",
    sentTitle: "تفقّد بريدك",
    sent: "الرابط في طريقه إلى {email}. افتحه في هذا المتصفح؛ يعمل مرة واحدة.",
    another: "استخدام عنوان آخر",
    sendAgain: "إعادة الإرسال",
    failedLink: "استُخدم هذا الرابط من قبل، أو انتهت صلاحيته، أو طُلب من متصفح آخر. اطلب رابطًا جديدًا هنا.",
    tooOften: "أُرسل رابط قبل قليل. انتظر دقيقة قبل أن تطلب آخر.",
    failed: "تعذّر إرسال الرابط: {problem}",
    needed: "سجّل الدخول لترى تذاكرك",
    closed: "لا تستقبل {name} الرسائل هنا. اكتب إلى العنوان الذي تعرفه.",
  },
});

export const useAccountWords = () => useWords(words);
