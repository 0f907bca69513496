import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro: "What articles are about. The help centre shows them in this order.",
    add: "New category",
    edit: "Category of articles",
    empty: "No categories yet",
    removeText: "Its articles stay, without a category.",
  },
  ar: {
    intro: "ما تدور حوله المقالات. يعرضها مركز المساعدة بهذا الترتيب.",
    add: "فئة جديدة",
    edit: "فئة مقالات",
    empty: "لا فئات بعد",
    removeText: "تبقى مقالاتها بلا فئة.",
  },
});

export const useArticleCategoryWords = () => useWords(words);
