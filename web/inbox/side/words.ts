import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: { details: "About this ticket", close: "Close" },
  ar: { details: "عن هذه التذكرة", close: "إغلاق" },
});

export const useSideWords = () => useWords(words);
