import { defineWords, useLanguage, useWords } from "@kit/i18n";
import layout from "./layout.module.css";

/** What {{…}} may name in a text (sql/47_canned_responses.sql). */
const VARIABLES = [
  "contact.name",
  "contact.first_name",
  "contact.email",
  "ticket.number",
  "ticket.subject",
  "agent.name",
  "organization.name",
];

const words = defineWords({
  en: { hint: "Variables: {names}. After a bar stands what to write where it is not known: {example}" },
  ar: { hint: "المتغيرات: {names}. بعد الخط العمودي ما يُكتب حيث لا يُعرف: {example}" },
});

export function VariablesHint() {
  const t = useWords(words);
  const { language } = useLanguage();
  const names = new Intl.ListFormat(language, { type: "unit" }).format(
    VARIABLES.map((name) => `{{${name}}}`),
  );
  return (
    <p className={layout.small}>
      <bdi>{t("hint", { names, example: "{{contact.first_name|there}}" })}</bdi>
    </p>
  );
}
