import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    search: "Search",
    placeholder: "Words, “a phrase”, #number, address, status:open…",
    close: "Leave the search",
    where: "What to search",
    tickets: "Tickets",
    messages: "Messages",
    contacts: "Contacts",
    typeWords: "Search tickets, messages and contacts",
    typeHint:
      "All words have to be there. “Quoted words” stand together; #12 is a ticket; status:, assignee:me, team:none, tag:, from:, before: and after: narrow it down.",
    nothing: "Nothing has these words",
    nothingHint: "Fewer words find more.",
    note: "Note",
    more: "Load more",
    everywhere: "Search for “{query}”",
    noName: "(no name)",
  },
  ar: {
    search: "بحث",
    placeholder: "كلمات، «عبارة»، #رقم، عنوان، status:open…",
    close: "الخروج من البحث",
    where: "أين تبحث",
    tickets: "التذاكر",
    messages: "الرسائل",
    contacts: "جهات الاتصال",
    typeWords: "ابحث في التذاكر والرسائل وجهات الاتصال",
    typeHint:
      "يجب أن توجد كل الكلمات. الكلمات بين علامتي اقتباس متجاورة؛ ‎#12 تذكرة؛ وتضيّق status:‎ و assignee:me و team:none و tag:‎ و from:‎ و before:‎ و after:‎ النتائج.",
    nothing: "لا شيء يحوي هذه الكلمات",
    nothingHint: "كلمات أقل تجد أكثر.",
    note: "ملاحظة",
    more: "تحميل المزيد",
    everywhere: "البحث عن «{query}»",
    noName: "(بلا اسم)",
  },
});

export const useSearchWords = () => useWords(words);
