/** Plain text with what is more than text in it: addresses to follow, people who are named. */

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "mention"; text: string; id: string; isTeam: boolean };

const ADDRESS = /(https?:\/\/[^\s<>"'{}|\\^`\u0600-\u06ff]+)|([\w.+-]+@[\w-]+(?:\.[\w-]+)+)/gi;
/** As private.mentioned reads it: 59_notifications.sql. */
export const MENTION = /@\[([^\][\n]{1,200})\]\((team:)?([0-9a-f-]{36})\)/gi;

export function piecesOf(text: string, withMentions: boolean): Piece[] {
  if (!withMentions) return linksIn(text);
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of text.matchAll(MENTION)) {
    pieces.push(...linksIn(text.slice(from, found.index)));
    pieces.push({ kind: "mention", text: found[1] as string, id: found[3] as string, isTeam: !!found[2] });
    from = found.index + found[0].length;
  }
  return [...pieces, ...linksIn(text.slice(from))];
}

function linksIn(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  const plain = (until: number) => {
    if (until > from) pieces.push({ kind: "text", text: text.slice(from, until) });
  };
  for (const found of text.matchAll(ADDRESS)) {
    // A full stop after an address ends the sentence, a bracket what it stands in.
    const address = found[0].replace(/[.,;:!?]+$|\)+[.,;:!?]*$/, (end) =>
      end.startsWith(")") && found[0].includes("(") ? end.replace(/[.,;:!?]+$/, "") : "",
    );
    plain(found.index);
    pieces.push({ kind: "link", text: address, href: found[2] ? `mailto:${address}` : address });
    from = found.index + address.length;
  }
  plain(text.length);
  return pieces;
}

/** A message's new part, and what it repeats of earlier ones. */
export function partsOf(body: string, fresh: string | null): { fresh: string; quoted: string } {
  if (fresh === null || !fresh.trim()) return { fresh: body, quoted: "" };
  const at = body.indexOf(fresh.trim());
  if (at < 0) return { fresh, quoted: body };
  const rest = `${body.slice(0, at)}${body.slice(at + fresh.trim().length)}`;
  return { fresh, quoted: rest.replace(/^\s*\n/, "").trimEnd() };
}
