/** Conditions on a ticket, as routing rules, service levels and views keep them (docs/desk.md), and as a tree to edit. */

export type Question = { field: string; op: Op; value?: string | string[] | number | boolean };
export type Condition = Question | { all: Condition[] } | { any: Condition[] } | { not: Condition };
/** Holds for every ticket. */
export const ALWAYS: Condition = { all: [] };

export const OPS = [
  "is",
  "is_not",
  "in",
  "not_in",
  "contains",
  "not_contains",
  "starts_with",
  "ends_with",
  "above",
  "below",
  "is_set",
  "is_not_set",
] as const;
export type Op = (typeof OPS)[number];
/** What kind of value a field has. `choice`: a text that is one of few. */
export type Kind = "text" | "choice" | "list" | "boolean" | "number" | "instant";

/** What may be asked of each kind, the usual first. */
export const OPS_OF: Record<Kind, readonly Op[]> = {
  text: [
    "contains",
    "not_contains",
    "is",
    "is_not",
    "starts_with",
    "ends_with",
    "in",
    "not_in",
    "is_set",
    "is_not_set",
  ],
  choice: ["is", "is_not", "in", "not_in", "is_set", "is_not_set"],
  list: ["contains", "not_contains", "is_set", "is_not_set"],
  boolean: ["is"],
  number: ["is", "above", "below"],
  instant: ["above", "below", "is_set", "is_not_set"],
};

/** The fields of every organization; custom ones come after them. */
export const FIELDS = {
  channel: "choice",
  subject: "text",
  status: "choice",
  status_category: "choice",
  priority: "choice",
  category_id: "choice",
  tags: "list",
  team_id: "choice",
  assignee_id: "choice",
  mail_address_id: "choice",
  language: "text",
  sentiment: "choice",
  is_spam: "boolean",
  ai_state: "choice",
  number: "number",
  created_at: "instant",
  last_message_at: "instant",
  last_contact_at: "instant",
  last_answer_at: "instant",
  resolved_at: "instant",
  snoozed_until: "instant",
  first_response_due_at: "instant",
  next_response_due_at: "instant",
  resolution_due_at: "instant",
  "contact.email": "text",
  "contact.name": "text",
  "contact.company": "text",
  "contact.language": "text",
  "contact.tags": "list",
} as const satisfies Record<string, Kind>;
export type FieldName = keyof typeof FIELDS;

/** All of them, one of them, or none of them has to hold. */
export type Mode = "all" | "any" | "none";
export type QuestionNode = { id: number; question: Question };
export type GroupNode = { id: number; mode: Mode; parts: Node[] };
export type Node = QuestionNode | GroupNode;
export const isGroup = (node: Node): node is GroupNode => "mode" in node;

let lastId = 0;
export const nodeOf = (question: Question): QuestionNode => ({ id: ++lastId, question });
export const groupOf = (mode: Mode, parts: Node[] = []): GroupNode => ({ id: ++lastId, mode, parts });

/** As a tree whose root is a group. `{"not": x}` is a group of which none holds. */
export function toTree(condition: Condition): GroupNode {
  const node = parse(condition);
  return isGroup(node) ? node : groupOf("all", [node]);
}

function parse(condition: Condition): Node {
  if ("field" in condition) return nodeOf(condition);
  if ("not" in condition) {
    const inner = parse(condition.not);
    return isGroup(inner) && inner.mode === "any" ? { ...inner, mode: "none" } : groupOf("none", [inner]);
  }
  if ("any" in condition) return groupOf("any", condition.any.map(parse));
  return groupOf("all", condition.all.map(parse));
}

export function fromTree(node: Node): Condition {
  if (!isGroup(node)) return node.question;
  const parts = node.parts.map(fromTree);
  if (node.mode === "none") return { not: { any: parts } };
  return node.mode === "any" ? { any: parts } : { all: parts };
}

/** A question with another field or operator: its value stays where it still fits. */
export function asked(question: Question, change: { field?: string; op?: Op }, kind: Kind): Question {
  const field = change.field ?? question.field;
  // Of another field the usual is asked first.
  const wanted = change.op ?? (field === question.field ? question.op : undefined);
  const op = wanted && OPS_OF[kind].includes(wanted) ? wanted : (OPS_OF[kind][0] as Op);
  if (op === "is_set" || op === "is_not_set") return { field, op };
  const old = field === question.field ? question.value : undefined;
  return { field, op, value: fitting(old, kind, op === "in" || op === "not_in") };
}

function fitting(old: Question["value"], kind: Kind, isList: boolean): string | string[] | number | boolean {
  if (kind === "boolean") return typeof old === "boolean" ? old : true;
  if (kind === "number") return typeof old === "number" ? old : 0;
  if (kind === "instant") return typeof old === "string" ? old : "2 days ago";
  if (isList) return Array.isArray(old) ? old : typeof old === "string" && old ? [old] : [];
  return Array.isArray(old) ? (old[0] ?? "") : typeof old === "string" ? old : "";
}

/** What somebody has begun and not said yet: a question without its value. */
export function isUnfinished(condition: Condition): boolean {
  if ("not" in condition) return isUnfinished(condition.not);
  if ("all" in condition) return condition.all.some(isUnfinished);
  if ("any" in condition) return condition.any.some(isUnfinished);
  const { value, op } = condition;
  if (op === "is_set" || op === "is_not_set") return false;
  return value === "" || value === undefined || (Array.isArray(value) && value.length === 0);
}
