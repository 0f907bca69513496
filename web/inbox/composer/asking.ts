/** What somebody is about to choose while they write: `/` asks for a text, `@` (in notes) for a person. */
export type Asking = { kind: "text" | "person"; query: string; from: number; to: number };

const TEXT = /(?:^|[\s\u200f])\/([a-z0-9_-]{0,40})$/i;
const PERSON = /(?:^|[\s(\u200f])@([\p{L}\p{N}][\p{L}\p{N} .'-]{0,40}|)$/u;

export function askingAt(text: string, caret: number, withPeople: boolean): Asking | null {
  const before = text.slice(0, caret);
  const found = TEXT.exec(before);
  if (found)
    return { kind: "text", query: found[1] ?? "", from: caret - (found[1] ?? "").length - 1, to: caret };
  const person = withPeople ? PERSON.exec(before) : null;
  if (person)
    return { kind: "person", query: person[1] ?? "", from: caret - (person[1] ?? "").length - 1, to: caret };
  return null;
}

/** All words of the query occur in the text, at the beginning of a word. */
export function fits(query: string, text: string): boolean {
  const words = text.toLocaleLowerCase().split(/[\s_.-]+/);
  const whole = text.toLocaleLowerCase();
  const wanted = query.toLocaleLowerCase().trim();
  return (
    whole.startsWith(wanted) ||
    wanted.split(/\s+/).every((part) => words.some((word) => word.startsWith(part)))
  );
}
