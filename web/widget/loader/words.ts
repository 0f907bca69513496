import { defineWords, type Language } from "@kit/i18n/words";

export const words = defineWords({
  en: {
    open: "Ask us",
    close: "Close the chat",
    unread: { one: "{count} new answer", other: "{count} new answers" },
    failed: "The chat could not be loaded. Press again to try once more.",
  },
  ar: {
    open: "اسألنا",
    close: "إغلاق المحادثة",
    unread: {
      zero: "لا ردود جديدة",
      one: "رد جديد واحد",
      two: "ردّان جديدان",
      few: "{count} ردود جديدة",
      many: "{count} ردًا جديدًا",
      other: "{count} رد جديد",
    },
    failed: "تعذّر تحميل المحادثة. اضغط مرة أخرى لإعادة المحاولة.",
  },
});

/** The first that is known of: what the tag says, what the page is written in, what the visitor's browser prefers. */
export function languageOf(asked: string | null): Language {
  const wanted = [asked, document.documentElement.lang, ...navigator.languages];
  for (const each of wanted) {
    const name = each?.slice(0, 2).toLowerCase();
    if (name === "en" || name === "ar") return name;
  }
  return "en";
}
