/** What the buttons above the text do to it: marks around what is selected, or before its lines. */

export type Selected = { text: string; start: number; end: number };
export type Mark = "bold" | "italic" | "code" | "link" | "heading" | "list" | "quote";
const AROUND = { bold: "**", italic: "_", code: "`" } as const;
const BEFORE = { heading: "## ", list: "- ", quote: "> " } as const;
const ADDRESS = "https://";

export function mark({ text, start, end }: Selected, how: Mark): Selected {
  const [before, chosen, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  if (how === "link") {
    const link = `[${chosen}](${ADDRESS})`;
    const from = start + (chosen ? chosen.length + 3 : 1);
    return { text: before + link + after, start: from, end: chosen ? from + ADDRESS.length : from };
  }
  if (how in AROUND) {
    const sign = AROUND[how as keyof typeof AROUND];
    if (before.endsWith(sign) && after.startsWith(sign))
      return {
        text: before.slice(0, -sign.length) + chosen + after.slice(sign.length),
        start: start - sign.length,
        end: end - sign.length,
      };
    return {
      text: before + sign + chosen + sign + after,
      start: start + sign.length,
      end: end + sign.length,
    };
  }
  const sign = BEFORE[how as keyof typeof BEFORE];
  const from = before.lastIndexOf("\n") + 1;
  const lines = text.slice(from, end).split("\n");
  const isMarked = lines.every((line) => line.startsWith(sign));
  const changed = lines.map((line) => (isMarked ? line.slice(sign.length) : sign + line)).join("\n");
  return {
    text: text.slice(0, from) + changed + after,
    start: Math.max(from, start + (isMarked ? -sign.length : sign.length)),
    end: from + changed.length,
  };
}
