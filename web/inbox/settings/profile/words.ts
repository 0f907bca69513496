import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    intro:
      "How colleagues see you, in every desk that you are a member of. Contacts see your name and picture.",
    name: "Name",
    here: "Name in {desk}",
    hereHint: "Where you go by another name here. Empty: the one above.",
    zone: "Time zone",
    locale: "Language of your mails",
    picture: "Picture",
    pictureHint: "PNG, JPEG, WebP or GIF, 2 MB at most.",
    choose: "Choose a picture",
    removePicture: "Remove picture",
    tooBig: "This picture is larger than 2 MB.",
    wrongType: "A picture is a PNG, JPEG, WebP or GIF.",
    email: "E-mail",
    emailHint: "What you sign in with.",
  },
  ar: {
    intro: "كيف يراك زملاؤك في كل مكتب أنت عضو فيه. يرى العملاء اسمك وصورتك.",
    name: "الاسم",
    here: "الاسم في {desk}",
    hereHint: "إذا كان لك اسم آخر هنا. فارغ: الاسم أعلاه.",
    zone: "المنطقة الزمنية",
    locale: "لغة رسائلك",
    picture: "الصورة",
    pictureHint: "PNG أو JPEG أو WebP أو GIF، بحد أقصى 2 ميغابايت.",
    choose: "اختر صورة",
    removePicture: "إزالة الصورة",
    tooBig: "هذه الصورة أكبر من 2 ميغابايت.",
    wrongType: "الصورة تكون PNG أو JPEG أو WebP أو GIF.",
    email: "البريد الإلكتروني",
    emailHint: "ما تسجّل به الدخول.",
  },
});

export const useProfileWords = () => useWords(words);
