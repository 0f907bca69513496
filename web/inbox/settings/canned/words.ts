import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro: "Texts that are written once and used often. In the composer a slash and the shortcut bring them.",
    add: "New response",
    edit: "Canned response",
    empty: "No canned responses yet",
    shortcut: "Shortcut",
    shortcutHint: "What one types after the slash: a-z, 0-9, - and _.",
    title: "Title",
    body: "Text",
    team: "For",
    everybody: "Everybody",
    find: "Find a response",
    noMatch: "Nothing is called that.",
  },
  ar: {
    intro: "نصوص تُكتب مرة وتُستخدم كثيرًا. في المحرر تستدعيها شرطة مائلة والاختصار.",
    add: "رد جديد",
    edit: "رد جاهز",
    empty: "لا ردود جاهزة بعد",
    shortcut: "الاختصار",
    shortcutHint: "ما يُكتب بعد الشرطة المائلة: a-z و0-9 و- و_.",
    title: "العنوان",
    body: "النص",
    team: "لـ",
    everybody: "الجميع",
    find: "البحث عن رد",
    noMatch: "لا شيء بهذا الاسم.",
  },
});

export const useCannedWords = () => useWords(words);
