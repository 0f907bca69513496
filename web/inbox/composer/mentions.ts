/** Who is named in a note: `@Ann` while it is written, `@[Ann](id)` as the desk keeps it. docs/notifications.md */
import { MENTION } from "@kit/text/pieces";

/** `id` is a user's, or `team:` and a team's. */
export type Mentioned = { name: string; id: string };

/** What may stand between the brackets. */
export const mentionName = (name: string): string => name.replace(/[[\]\n]/g, "").trim();

/** A name counts where it was chosen from the list; longer names first, so that Ann is not found in Anna. */
export function toMarkup(text: string, mentioned: Mentioned[]): string {
  const names = [...new Map(mentioned.map((each) => [each.name, each])).values()].sort(
    (one, other) => other.name.length - one.name.length,
  );
  let marked = "";
  for (let at = 0; at < text.length; ) {
    const found =
      text[at] === "@" && !/[\p{L}\p{N}]/u.test(text[at - 1] ?? "")
        ? names.find(
            ({ name }) =>
              text.startsWith(name, at + 1) && !/[\p{L}\p{N}]/u.test(text[at + 1 + name.length] ?? ""),
          )
        : undefined;
    marked += found ? `@[${found.name}](${found.id})` : text[at];
    at += found ? found.name.length + 1 : 1;
  }
  return marked;
}

export function fromMarkup(markup: string): { text: string; mentioned: Mentioned[] } {
  const mentioned: Mentioned[] = [];
  const text = markup.replace(MENTION, (_whole, name: string, team: string | undefined, id: string) => {
    mentioned.push({ name, id: `${team ?? ""}${id}` });
    return `@${name}`;
  });
  return { text, mentioned };
}
