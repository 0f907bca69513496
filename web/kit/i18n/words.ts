/** Words and their languages, without a framework: the widget uses them too. */

export const LANGUAGES = { en: "English", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;
export type Entry = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);
type Values = Record<string, string | number>;
export type Words<K extends string> = Record<Language, Record<K, Entry>>;
export type Translate<K extends string> = (key: K, values?: Values) => string;

const RIGHT_TO_LEFT: ReadonlySet<string> = new Set<Language>(["ar"]);

export const directionOf = (language: Language): "rtl" | "ltr" =>
  RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";

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
