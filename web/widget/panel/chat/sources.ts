/** What an answer of the AI rests on. Its text ends with the titles of its articles, numbered as its sentences cite them. */

export type Source = { number: number; title: string };
export type Cited = { text: string; sources: Source[] };

const SOURCE = /^\[(\d{1,2})\] (.+)$/;

export function cited(body: string): Cited {
  const lines = body.trimEnd().split("\n");
  const sources: Source[] = [];
  for (let line = lines.at(-1); line !== undefined; line = lines.at(-1)) {
    const found = SOURCE.exec(line);
    if (!found) break;
    sources.unshift({ number: Number(found[1]), title: found[2] ?? "" });
    lines.pop();
  }
  // They stand apart, numbered from one; anything else is the answer's own.
  const stand = sources.every((each, at) => each.number === at + 1) && (lines.at(-1) ?? "x") === "";
  return stand && sources.length
    ? { text: lines.join("\n").trimEnd(), sources }
    : { text: body, sources: [] };
}

export type Part =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mark"; number: number };

const PARTS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}'])|\[(\d{1,2})\]/g;

/** A text cut into links, marks of citations, and what is between them. */
export function partsOf(text: string, marks: number): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const found of text.matchAll(PARTS)) {
    const [whole, href, number] = found;
    if (!href && (Number(number) < 1 || Number(number) > marks)) continue;
    const between = text.slice(at, found.index);
    // A mark does not begin a line.
    if (between) parts.push({ kind: "text", text: href ? between : between.replace(/ $/, "\u00a0") });
    parts.push(href ? { kind: "link", text: href, href } : { kind: "mark", number: Number(number) });
    at = found.index + whole.length;
  }
  if (at < text.length) parts.push({ kind: "text", text: text.slice(at) });
  return parts;
}
