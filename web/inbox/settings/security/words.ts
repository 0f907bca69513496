import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    password: "Password",
    passwordHint: "At least 8 characters. Other devices stay signed in.",
    newPassword: "New password",
    again: "The same again",
    different: "The two are not the same.",
    change: "Change password",
    factor: "Second factor",
    factorHint:
      "With it a stolen password opens nothing: signing in also asks for a code of an app on your phone.",
    off: "It is off.",
    on: "It is on",
    since: "since {day}",
    setUp: "Set up",
    cancel: "Cancel",
    turnOff: "Turn off",
    turnOffTitle: "Turn the second factor off?",
    turnOffText:
      "Signing in will ask for your password alone. Desks that ask for a second factor will not let you in.",
  },
  ar: {
    password: "كلمة المرور",
    passwordHint: "8 أحرف على الأقل. تبقى الأجهزة الأخرى مسجلة الدخول.",
    newPassword: "كلمة مرور جديدة",
    again: "نفسها مرة أخرى",
    different: "الكلمتان غير متطابقتين.",
    change: "تغيير كلمة المرور",
    factor: "العامل الثاني",
    factorHint: "معه لا تفتح كلمة المرور المسروقة شيئًا: يُطلب عند الدخول رمز من تطبيق على هاتفك أيضًا.",
    off: "متوقف.",
    on: "يعمل",
    since: "منذ {day}",
    setUp: "إعداد",
    cancel: "إلغاء",
    turnOff: "إيقاف",
    turnOffTitle: "إيقاف العامل الثاني؟",
    turnOffText: "سيُطلب عند الدخول كلمة المرور وحدها. المكاتب التي تطلب عاملًا ثانيًا لن تُدخلك.",
  },
});

export const useSecurityWords = () => useWords(words);
