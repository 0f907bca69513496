/** A snippet as the database gives it: HTML with nothing but escaped characters, found words between two private ones. Taken
 *  apart into text, so that nothing of it is ever read as HTML. */
export type Piece = { text: string; isFound: boolean; at: number };

const BEGIN = "\uE000";
const END = "\uE001";
const NAMED: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };

export function marked(snippet: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const part of snippet.split(new RegExp(`(${BEGIN}[^${END}]*${END})`))) {
    if (!part) continue;
    const isFound = part.startsWith(BEGIN);
    pieces.push({ text: unescaped(part.replace(/[\uE000\uE001]/g, "")), isFound, at: at++ });
  }
  return pieces;
}

const unescaped = (text: string) => text.replace(/&(?:lt|gt|amp|quot|#39);/g, (name) => NAMED[name] ?? name);
