/** Steps of a macro, as sql/48_macros.sql has them. */
export const SETTABLE = ["status", "priority", "category_id", "team_id", "assignee_id"] as const;
export type Settable = (typeof SETTABLE)[number];
export type Action =
  | { do: "reply" | "note"; body: string }
  | { do: "set"; field: Settable; value: string | null }
  | { do: "add_tags" | "remove_tags"; tags: string[] }
  | { do: "assign_me" }
  | { do: "snooze"; for: string };
export const KINDS = ["reply", "note", "set", "add_tags", "remove_tags", "assign_me", "snooze"] as const;
export type Kind = (typeof KINDS)[number];

/** A step as one moves it about while it is written. */
export type Step = { id: number; action: Action };
let lastId = 0;
export const stepOf = (action: Action): Step => ({ id: ++lastId, action });

export function freshAction(kind: Kind): Action {
  switch (kind) {
    case "reply":
    case "note":
      return { do: kind, body: "" };
    case "set":
      return { do: kind, field: "priority", value: "high" };
    case "add_tags":
    case "remove_tags":
      return { do: kind, tags: [] };
    case "snooze":
      return { do: kind, for: "2 days" };
    default:
      return { do: kind };
  }
}
