/** Why the AI did not answer by itself, in words: the keys of docs/ai.md. */
import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    human_took_over: "a person has this ticket",
    wants_human: "they asked for a person",
    awaits_person: "they still wait for a person",
    failed_before: "earlier answers did not help",
    language: "no source in their language",
    no_source: "nothing was found about it",
    model_found_no_answer: "the sources do not answer it",
    low_confidence: "not sure enough",
    unsupported_sentence: "a sentence is not carried by its source",
    injection: "the text speaks to a machine",
    partial_answer: "it answers only in part",
    sender_not_verified: "the sender may be somebody else",
    mode_draft: "answers wait for a person here",
    mode_changed: "the AI's mode was changed",
    newer_message: "a newer message came",
    article_changed: "an article it rests on has changed",
    too_much_automatic_mail: "they had enough automatic mail",
    spam: "it looks like spam",
    sensitive: "a delicate subject: {topic}",
    refund: "money back",
    account_access: "access to an account",
    legal: "law",
    payment: "payment",
    security: "security",
    cancellation: "cancellation",
  },
  ar: {
    human_took_over: "التذكرة لدى شخص",
    wants_human: "طلبوا شخصًا",
    awaits_person: "ما زالوا ينتظرون شخصًا",
    failed_before: "لم تُفد الإجابات السابقة",
    language: "لا مصدر بلغتهم",
    no_source: "لم يُعثر على شيء",
    model_found_no_answer: "المصادر لا تجيب عنه",
    low_confidence: "الثقة غير كافية",
    unsupported_sentence: "جملة لا يسندها مصدرها",
    injection: "النص يخاطب آلة",
    partial_answer: "يجيب جزئيًا فقط",
    sender_not_verified: "قد يكون المرسل شخصًا آخر",
    mode_draft: "تنتظر الإجابات شخصًا هنا",
    mode_changed: "تغيّر وضع الذكاء الاصطناعي",
    newer_message: "وصلت رسالة أحدث",
    article_changed: "تغيّر مقال تستند إليه",
    too_much_automatic_mail: "تلقّوا ما يكفي من البريد الآلي",
    spam: "يبدو بريدًا مزعجًا",
    sensitive: "موضوع حساس: {topic}",
    refund: "استرداد المال",
    account_access: "الوصول إلى حساب",
    legal: "القانون",
    payment: "الدفع",
    security: "الأمان",
    cancellation: "الإلغاء",
  },
});
type Known = keyof (typeof words)["en"];

/** A reason's key in words; what is not known here is shown as it is. */
export function useReasons(): (key: string) => string {
  const t = useWords(words);
  const plain = (key: string) => (key in words.en ? t(key as Known) : key.replaceAll("_", " "));
  return (key) => {
    const [kind, topic] = key.split(":");
    return topic ? t("sensitive", { topic: plain(topic) }) : plain(kind ?? key);
  };
}
