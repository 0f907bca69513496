import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro:
      "What this desk uses of what its plan includes. What comes in is kept and answered whatever the plan says.",
    of: "{used} of {allowed}",
    unlimited: "{used}, without a limit",
    contacts: "Contacts",
    contactsHint:
      "Members and programs can make no more than the plan includes; customers who write always can.",
    mails: "Mails this month",
    mailsHint: "Answers always go out; receipts and surveys are held back beyond the plan.",
    seats: "Seats",
    seatsHint: "Members, and invitations that are still open.",
    storage: "Files",
    storageHint: "What members and contacts upload. What comes by mail is kept all the same.",
    workflows: "Workflows",
    workflowsHint: "Automatic steps that are switched on.",
  },
  ar: {
    intro: "ما يستخدمه هذا المكتب مما تشمله خطته. ما يرد يُحفظ ويُجاب عنه مهما قالت الخطة.",
    of: "{used} من {allowed}",
    unlimited: "{used} بلا حد",
    contacts: "جهات الاتصال",
    contactsHint: "لا ينشئ الأعضاء والبرامج أكثر مما تشمله الخطة؛ أما العملاء الذين يكتبون فدائمًا.",
    mails: "رسائل هذا الشهر",
    mailsHint: "الإجابات تُرسل دائمًا؛ أما الإيصالات والاستبيانات فتُحجز بعد حد الخطة.",
    seats: "المقاعد",
    seatsHint: "الأعضاء والدعوات المفتوحة.",
    storage: "الملفات",
    storageHint: "ما يرفعه الأعضاء وجهات الاتصال. ما يصل بالبريد يُحفظ على كل حال.",
    workflows: "تدفقات العمل",
    workflowsHint: "الخطوات الآلية المفعّلة.",
  },
});

export const useUsageWords = () => useWords(words);
