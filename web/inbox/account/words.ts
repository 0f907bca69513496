import { defineWords, useWords } from "@kit/i18n";

const words = defineWords({
  en: {
    title: "Sign in to your desk",
    email: "E-mail",
    password: "Password",
    signIn: "Sign in",
    byLink: "Send me a link instead",
    linkSent: "If {email} belongs to somebody here, a link is on its way. It works in this browser, once.",
    code: "Code of your authenticator",
    verify: "Verify",
    wrong: "E-mail or password is not right.",
    wrongCode: "That code is not right, or no longer.",
    back: "Back",
  },
  ar: {
    title: "تسجيل الدخول إلى مكتبك",
    email: "البريد الإلكتروني",
    password: "كلمة المرور",
    signIn: "تسجيل الدخول",
    byLink: "أرسل لي رابطًا بدلًا من ذلك",
    linkSent: "إذا كان {email} تابعًا لشخص هنا فالرابط في الطريق. يعمل في هذا المتصفح مرة واحدة.",
    code: "رمز تطبيق المصادقة",
    verify: "تحقّق",
    wrong: "البريد أو كلمة المرور غير صحيحة.",
    wrongCode: "الرمز غير صحيح أو انتهت صلاحيته.",
    back: "رجوع",
  },
});

export const useAccountWords = () => useWords(words);
