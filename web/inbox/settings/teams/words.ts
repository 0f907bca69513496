import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro: "Who takes which tickets together, and how they are shared out.",
    add: "New team",
    edit: "Team",
    empty: "No teams yet",
    members: "Members",
    skills: "Skills",
    skillsHint: "Tickets whose category asks for one of these come to this team.",
    assignment: "How tickets are given out",
    manual: "By hand: people take what they want",
    round_robin: "In turns",
    least_loaded: "To whoever has the fewest open tickets",
    assignmentHint: "Only to members who are online and have room.",
    calendar: "Business hours",
    default: "The desk’s default",
    count: { one: "{count} member", other: "{count} members" },
    removeText: "Its tickets stay, and belong to no team.",
  },
  ar: {
    intro: "من يتولى أي تذاكر معًا، وكيف تُوزَّع.",
    add: "فريق جديد",
    edit: "فريق",
    empty: "لا فرق بعد",
    members: "الأعضاء",
    skills: "المهارات",
    skillsHint: "التذاكر التي تتطلب فئتها إحدى هذه المهارات تصل إلى هذا الفريق.",
    assignment: "كيف تُعطى التذاكر",
    manual: "يدويًا: يأخذ كلٌّ ما يريد",
    round_robin: "بالتناوب",
    least_loaded: "لمن لديه أقل عدد من التذاكر المفتوحة",
    assignmentHint: "للأعضاء المتصلين الذين لديهم متسع فقط.",
    calendar: "ساعات العمل",
    default: "الافتراضية للمكتب",
    count: {
      zero: "لا أعضاء",
      one: "عضو واحد",
      two: "عضوان",
      few: "{count} أعضاء",
      many: "{count} عضوًا",
      other: "{count} عضو",
    },
    removeText: "تبقى تذاكره بلا فريق.",
  },
});

export const useTeamWords = () => useWords(words);
