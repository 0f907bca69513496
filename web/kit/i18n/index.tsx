/**
 * Words of the interface. Each area keeps its own beside its components, in every language at once:
 *
 *     const words = defineWords({ en: { waiting: { one: "{count} waits", other: "{count} wait" } }, ar: { … } });
 *     const t = useWords(words);
 *     t("waiting", { count: 3 })
 *
 * A language that lacks a key does not compile. Plural forms are those of Intl.PluralRules.
 */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { directionOf, LANGUAGES, type Language, type Translate, translate, type Words } from "./words";

export * from "./words";

const KEPT_UNDER = "pgdesk.language";

export function preferredLanguage(): Language {
  const kept = localStorage.getItem(KEPT_UNDER);
  const wanted = [kept, ...navigator.languages].map((each) => each?.slice(0, 2));
  return wanted.find((each): each is Language => each !== undefined && each in LANGUAGES) ?? "en";
}

const Given = createContext<{ language: Language; choose: (language: Language) => void }>({
  language: "en",
  choose: () => {},
});

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferredLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = directionOf(language);
  }, [language]);
  const value = useMemo(
    () => ({
      language,
      choose: (next: Language) => {
        localStorage.setItem(KEPT_UNDER, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return <Given.Provider value={value}>{children}</Given.Provider>;
}

export const useLanguage = () => useContext(Given);

export function useWords<K extends string>(words: Words<K>): Translate<K> {
  const { language } = useLanguage();
  return useMemo(() => (key, values) => translate(words, language, key, values), [words, language]);
}
