import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro: "What people know. A category can ask for a skill; its tickets then go to who has it.",
    add: "New skill",
    edit: "Skill",
    empty: "No skills yet",
    who: "Who has it",
    nobody: "Nobody has it yet",
  },
  ar: {
    intro: "ما يتقنه الأشخاص. يمكن أن تتطلب الفئة مهارة فتذهب تذاكرها إلى من يتقنها.",
    add: "مهارة جديدة",
    edit: "مهارة",
    empty: "لا مهارات بعد",
    who: "من يتقنها",
    nobody: "لا أحد يتقنها بعد",
  },
});

export const useSkillWords = () => useWords(words);
