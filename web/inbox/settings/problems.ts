/** What the database says to a form, in words for its reader and, where it can be told, at the field that it is about. */
import { isForbidden, isOffline, problemOf } from "@kit/api/errors";
import type { Translate } from "@kit/i18n";
import type { SettingsWord } from "./words";

export type FormProblem = { field: string | undefined; text: string };

/** `fields`: the columns that the form shows. A constraint is named <table>_<columns>_<kind>, as PostgreSQL does. */
export function explain(error: unknown, fields: readonly string[], t: Translate<SettingsWord>): FormProblem {
  const { code, message, hint } = problemOf(error);
  if (isOffline(error)) return { field: undefined, text: t("offlineSave") };
  if (isForbidden(error) && /row-level security|permission denied/.test(message))
    return { field: undefined, text: t("refused") };
  const constraint = /constraint "([^"]+)"/.exec(message)?.[1];
  const column = /column "([^"]+)"/.exec(message)?.[1];
  const field = fieldIn(constraint ?? column ?? message.split(":")[0] ?? "", fields);
  if (code === "23505") return { field, text: t("taken") };
  if (code === "23503" && /still referenced/.test(message)) return { field, text: t("inUse") };
  const said = hint ? `${message}. ${hint}` : message;
  return { field, text: constraint || column ? t("notAllowed", { what: ruleOf(said) }) : said };
}

/** The last that is named, as `organization_id_name` is about the name; the longest of those that overlap. */
function fieldIn(name: string, fields: readonly string[]): string | undefined {
  return [...fields]
    .sort((one, other) => other.length - one.length)
    .find((field) => new RegExp(`(^|[_ ])${field}([_ ]|$)`).test(name));
}

const ruleOf = (message: string) => /violates (.*)$/.exec(message)?.[1] ?? message;
