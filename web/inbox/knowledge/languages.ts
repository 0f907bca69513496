import { useLanguage } from "@kit/i18n";
import { useMemo } from "react";

/** What a language is called in the reader's. */
export function useLanguageNames(): (code: string) => string {
  const { language } = useLanguage();
  return useMemo(() => {
    const names = new Intl.DisplayNames([language], { type: "language" });
    return (code) => {
      try {
        return names.of(code) ?? code;
      } catch {
        return code;
      }
    };
  }, [language]);
}
