import { defineWords, LANGUAGES, type Language, useLanguage, useWords } from "@kit/i18n";
import { Select } from "@kit/ui";
import { applyTheme, keptTheme, type Theme } from "@kit/ui/theme";
import { useState } from "react";
import { PageFrame } from "../frame";
import layout from "../layout.module.css";
import { useSettingsWords } from "../words";

const words = defineWords({
  en: {
    intro: "How pgdesk looks in this browser.",
    language: "Language",
    theme: "Appearance",
    system: "As the system",
    light: "Light",
    dark: "Dark",
  },
  ar: {
    intro: "كيف يبدو pgdesk في هذا المتصفح.",
    language: "اللغة",
    theme: "المظهر",
    system: "حسب النظام",
    light: "فاتح",
    dark: "داكن",
  },
});
const THEMES: Theme[] = ["system", "light", "dark"];

export function Page() {
  const t = useWords(words);
  const ts = useSettingsWords();
  const { language, choose } = useLanguage();
  const [theme, setTheme] = useState(keptTheme);
  return (
    <PageFrame title={ts("appearance")} intro={t("intro")}>
      <div className={layout.columns}>
        <Select
          label={t("language")}
          value={language}
          onChange={(event) => choose(event.target.value as Language)}
        >
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </Select>
        <Select
          label={t("theme")}
          value={theme}
          onChange={(event) => {
            const next = event.target.value as Theme;
            setTheme(next);
            applyTheme(next);
          }}
        >
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {t(each)}
            </option>
          ))}
        </Select>
      </div>
    </PageFrame>
  );
}
