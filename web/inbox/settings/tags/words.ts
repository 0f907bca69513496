import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro:
      "Your own words for tickets, contacts and sessions, as a tree of five levels at most. A tag is found with all that stands below it.",
    add: "New tag",
    addBelow: "New tag below it",
    edit: "Tag",
    empty: "No tags yet",
    color: "Colour",
    parent: "Stands below",
    top: "Nothing: at the top",
    merge: "Merge into another…",
    mergeTitle: "Merge “{name}” into another tag",
    mergeText: "What has “{name}” gets the other instead. The old name still means the other.",
    into: "Into",
    choose: "Choose a tag…",
    doMerge: "Merge",
    deleteText: "Nothing has it any more; what stands below moves up.",
    tree: "Tags",
    renameHint: "Rules and macros that say the old name need no change.",
    inWork: "{name}: {done} of {total}",
    jobs: "Under way",
  },
  ar: {
    intro:
      "كلماتك للتذاكر وجهات الاتصال والجلسات، كشجرة من خمسة مستويات على الأكثر. يُعثر على الوسم مع كل ما تحته.",
    add: "وسم جديد",
    addBelow: "وسم جديد تحته",
    edit: "وسم",
    empty: "لا وسوم بعد",
    color: "اللون",
    parent: "يقع تحت",
    top: "لا شيء: في الأعلى",
    merge: "دمج في وسم آخر…",
    mergeTitle: "دمج «{name}» في وسم آخر",
    mergeText: "ما له «{name}» يحصل على الآخر بدلًا منه. الاسم القديم يبقى يعني الآخر.",
    into: "في",
    choose: "اختر وسمًا…",
    doMerge: "دمج",
    deleteText: "لن يحمله شيء بعد الآن، وما تحته ينتقل إلى الأعلى.",
    tree: "الوسوم",
    renameHint: "القواعد والإجراءات التي تذكر الاسم القديم لا تحتاج إلى تغيير.",
    inWork: "{name}: {done} من {total}",
    jobs: "قيد العمل",
  },
});

export const useTagWords = () => useWords(words);
