import { defineWords, type Language, translate } from "@kit/i18n/words";

const words = defineWords({
  en: {
    helpCentre: "{name} help centre",
    describes: "Answers to what people ask {name}.",
    describesCategory: "{category}: answers of {name}.",
    greeting: "How can we help?",
    search: "Search the help centre",
    find: "Search",
    help: "Help",
    myTickets: "My tickets",
    main: "Main",
    path: "You are here",
    articles: { one: "{count} article", other: "{count} articles" },
    others: "More articles",
    inCategory: "In this category",
    updated: "Updated {day}",
    stillStuck: "Did not find it?",
    stillStuckMore: "Tell us what it is about. You can follow the answer online.",
    writeToUs: "Write to us",
    skip: "Skip to the content",
  },
  ar: {
    helpCentre: "مركز مساعدة {name}",
    describes: "إجابات عمّا يسأل الناس {name}.",
    describesCategory: "{category}: إجابات {name}.",
    greeting: "كيف يمكننا مساعدتك؟",
    search: "ابحث في مركز المساعدة",
    find: "بحث",
    help: "المساعدة",
    myTickets: "تذاكري",
    main: "الرئيسية",
    path: "أنت هنا",
    articles: {
      zero: "لا مقالات",
      one: "مقالة واحدة",
      two: "مقالتان",
      few: "{count} مقالات",
      many: "{count} مقالة",
      other: "{count} مقالة",
    },
    others: "مقالات أخرى",
    inCategory: "في هذا التصنيف",
    updated: "حُدّثت في {day}",
    stillStuck: "لم تجد ما تبحث عنه؟",
    stillStuckMore: "أخبرنا بالأمر، ويمكنك متابعة الإجابة على الشبكة.",
    writeToUs: "راسلنا",
    skip: "تخطَّ إلى المحتوى",
  },
});

type Key = keyof (typeof words)["en"];

/** In the language where there are words for it, else English. */
export const wordsIn =
  (language: string) =>
  (key: Key, values: Record<string, string | number> = {}): string =>
    translate(words, (language in words ? language : "en") as Language, key, values);
