import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro:
      "Rules are asked from top to bottom: with a ticket’s first message, and again once the AI has sorted it. The first that holds decides, unless it lets the next ones be asked too. What a member has set stays.",
    add: "New rule",
    edit: "Routing rule",
    empty: "No rules yet",
    emptyHint: "Without rules a ticket goes to the team of the mail address that it came to.",
    conditions: "For which tickets",
    outcome: "What follows",
    team: "Team",
    assignee: "Assignee",
    priority: "Priority",
    unchanged: "As it is",
    tags: "Tags to add",
    tagsHint: "With commas between.",
    final: "No other rule is asked after it",
    active: "In use",
    off: "Off",
    goesOn: "The next is asked too",
    to: "to {name}",
    tagged: "tagged {tags}",
    noEffect: "changes nothing",
  },
  ar: {
    intro:
      "تُسأل القواعد من الأعلى إلى الأسفل: مع أول رسالة في التذكرة، ومرة أخرى بعد أن يصنفها الذكاء الاصطناعي. أول قاعدة تنطبق هي التي تقرر، ما لم تسمح بسؤال ما بعدها. ما حدده عضو يبقى.",
    add: "قاعدة جديدة",
    edit: "قاعدة توجيه",
    empty: "لا قواعد بعد",
    emptyHint: "بلا قواعد تذهب التذكرة إلى فريق عنوان البريد الذي وصلت إليه.",
    conditions: "لأي تذاكر",
    outcome: "ما يتبع",
    team: "الفريق",
    assignee: "المسؤول",
    priority: "الأولوية",
    unchanged: "كما هي",
    tags: "وسوم تضاف",
    tagsHint: "تفصل بينها فواصل.",
    final: "لا تُسأل قاعدة أخرى بعدها",
    active: "مستخدمة",
    off: "متوقفة",
    goesOn: "تُسأل التالية أيضًا",
    to: "إلى {name}",
    tagged: "بوسم {tags}",
    noEffect: "لا تغيّر شيئًا",
  },
});

export const useRoutingWords = () => useWords(words);
