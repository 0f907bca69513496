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

export const LANGUAGES = { en: "English", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;
export type Entry = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);
type Values = Record<string, string | number>;
export type Words<K extends string> = Record<Language, Record<K, Entry>>;
export type Translate<K extends string> = (key: K, values?: Values) => string;

const RIGHT_TO_LEFT: ReadonlySet<string> = new Set<Language>(["ar"]);
const KEPT_UNDER = "pgdesk.language";

export function defineWords<K extends string>(
  words: { en: Record<K, Entry> } & Record<Language, Record<NoInfer<K>, Entry>>,
): Words<K> {
  return words;
}

/** `{name}` in a text is the value of that name, numbers as the language writes them. */
export function translate<K extends string>(
  words: Words<K>,
  language: Language,
  key: K,
  values: Values = {},
): string {
  const entry: Entry = words[language][key];
  const text =
    typeof entry === "string"
      ? entry
      : (entry[new Intl.PluralRules(language).select(Number(values.count))] ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return typeof value === "number" ? new Intl.NumberFormat(language).format(value) : (value ?? whole);
  });
}

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
    document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
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
