import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    close: "Close",
    loading: "Loading",
    again: "Try again",
    failed: "This could not be loaded",
    offline: "You are offline. What you see may be old; it comes up to date by itself.",
    dismiss: "Dismiss",
    done: "Done",
    more: "Load more",
  },
  ar: {
    close: "إغلاق",
    loading: "جارٍ التحميل",
    again: "إعادة المحاولة",
    failed: "تعذّر التحميل",
    offline: "أنت غير متصل. قد يكون المعروض قديمًا، وسيُحدَّث تلقائيًا.",
    dismiss: "تجاهل",
    done: "تم",
    more: "تحميل المزيد",
  },
});

export const useKitWords = () => useWords(words);
