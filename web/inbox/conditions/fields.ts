/** What may be asked in this organization, by its names: fields with what can be chosen for them. */
import { useMemo } from "react";
import { useRows } from "../settings/rows";
import { FIELDS, type FieldName, type Kind } from "./conditions";
import { useConditionWords } from "./words";

export type Choice = { value: string; label: string };
export type Field = {
  name: string;
  label: string;
  kind: Kind;
  group: "ofTicket" | "ofTimes" | "ofContact" | "ofCustom";
  choices: Choice[];
};
export type Fields = { all: Field[]; by: (name: string) => Field };

const FIXED = {
  channel: ["email", "portal", "chat", "api", "telegram", "whatsapp", "linkedin", "phone", "social"],
  priority: ["low", "normal", "high", "urgent"],
  status_category: ["open", "waiting", "resolved"],
  sentiment: ["negative", "neutral", "positive"],
  ai_state: ["on", "off"],
} as const;

/** `forViews`: "me" and "my teams" may be asked too, which is whoever looks at the view. */
export function useFields(forViews = false): Fields {
  const t = useConditionWords();
  const { data: authors } = useRows("authors", ["name"]);
  const { data: teams } = useRows("teams", ["name"]);
  const { data: categories } = useRows("ticket_categories", ["name"]);
  const { data: statuses } = useRows("ticket_statuses", ["position", "key"]);
  const { data: addresses } = useRows("mail_addresses", ["address"]);
  const { data: tags } = useRows("tags", ["name"]);
  const { data: custom } = useRows("custom_fields", ["position", "label"]);
  return useMemo(() => {
    const tagNames = (tags ?? []).filter((tag) => !tag.removed_at).map(({ name }) => same(name));
    const fixed = (name: keyof typeof FIXED) =>
      FIXED[name].map((value) => ({ value, label: t(`${name}_${value}` as Parameters<typeof t>[0]) }));
    const choices: Partial<Record<FieldName, Choice[]>> = {
      channel: fixed("channel"),
      priority: fixed("priority"),
      status_category: fixed("status_category"),
      sentiment: fixed("sentiment"),
      ai_state: fixed("ai_state"),
      status: (statuses ?? []).map(({ key, name }) => ({ value: key, label: name })),
      category_id: (categories ?? []).map(({ id, name }) => ({ value: id, label: name })),
      mail_address_id: (addresses ?? []).map(({ id, address }) => ({ value: id, label: address })),
      team_id: [
        ...(forViews ? [{ value: "my_teams", label: t("my_teams") }] : []),
        ...(teams ?? []).map(({ id, name }) => ({ value: id, label: name })),
      ],
      assignee_id: [
        ...(forViews ? [{ value: "me", label: t("me") }] : []),
        ...(authors ?? [])
          .filter((author) => !author.left_at)
          .map(({ user_id, name }) => ({ value: user_id, label: name })),
      ],
      tags: tagNames,
      "contact.tags": tagNames,
    };
    const own = (Object.entries(FIELDS) as [FieldName, Kind][]).map(
      ([name, kind]): Field => ({
        name,
        kind,
        label: t(`f_${name}`),
        group: name.startsWith("contact.") ? "ofContact" : kind === "instant" ? "ofTimes" : "ofTicket",
        choices: choices[name] ?? [],
      }),
    );
    const theirs = (custom ?? [])
      .filter((each) => each.target !== "company" && !each.is_sensitive && !each.archived_at)
      .map(
        (each): Field => ({
          name: each.target === "contact" ? `contact.fields.${each.key}` : `fields.${each.key}`,
          kind: each.type === "select" ? "choice" : "text",
          label: each.target === "contact" ? t("customOfContact", { label: each.label }) : each.label,
          group: "ofCustom",
          choices: each.type === "select" ? each.options.map(same) : [],
        }),
      );
    const all = [...own, ...theirs];
    const byName = new Map(all.map((field) => [field.name, field]));
    return {
      all,
      // A custom field that is put away is still asked by those who asked it.
      by: (name) =>
        byName.get(name) ?? { name, label: name, kind: "text" as const, group: "ofCustom", choices: [] },
    };
  }, [t, authors, teams, categories, statuses, addresses, tags, custom, forViews]);
}

const same = (text: string): Choice => ({ value: text, label: text });
