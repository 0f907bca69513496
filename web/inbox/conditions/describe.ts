/** A condition as a sentence. */
import { useLanguage } from "@kit/i18n";
import { useTimes } from "@kit/i18n/time";
import { useCallback } from "react";
import type { Condition, Kind, Op, Question } from "./conditions";
import { useFields } from "./fields";
import { readInstant } from "./instants";
import { useConditionWords } from "./words";

/** Instants are before and after, not below and above. */
export const spoken = (op: Op, kind: Kind) =>
  kind === "instant" && op === "above" ? "after" : kind === "instant" && op === "below" ? "before" : op;

export function useDescribe(forViews = false): (condition: Condition) => string {
  const t = useConditionWords();
  const { language } = useLanguage();
  const times = useTimes();
  const fields = useFields(forViews);
  return useCallback(
    (condition) => {
      const list = (parts: string[], type: Intl.ListFormatType) =>
        new Intl.ListFormat(language, { type }).format(parts);
      const instant = (value: string): string => {
        const read = readInstant(value);
        if (read.kind === "at") return Number.isNaN(Date.parse(read.at)) ? read.at : times.full(read.at);
        if (!("count" in read)) return t(read.kind);
        const span = t(read.unit, { count: read.count });
        return t(read.kind === "ago" ? "said_ago" : "said_ahead", { span });
      };
      const say = ({ field: name, op, value }: Question): string => {
        const field = fields.by(name);
        const one = (each: string) =>
          field.kind === "instant"
            ? instant(each)
            : (field.choices.find((choice) => choice.value === each)?.label ??
              (field.kind === "choice" ? t("gone") : t("quoted", { text: each })));
        const shown = Array.isArray(value)
          ? list(value.map(one), "disjunction")
          : typeof value === "boolean"
            ? t(value ? "yes" : "no")
            : typeof value === "number"
              ? new Intl.NumberFormat(language).format(value)
              : one(value ?? "");
        return t(`say_${spoken(op, field.kind)}`, { field: field.label, value: shown });
      };
      const tell = (part: Condition): string => {
        if ("field" in part) return say(part);
        if ("not" in part) return t("not_", { parts: tell(part.not) });
        if ("any" in part) return list(part.any.map(tell), "disjunction");
        return part.all.length === 0 ? t("everyTicket") : list(part.all.map(tell), "conjunction");
      };
      return tell(condition);
    },
    [t, language, times, fields],
  );
}
