/** A draft's text with its sources: which sentences rest on which articles, and where the text itself names them by `[1]`. */

export type Citation = {
  ordinal: number;
  sentence: string;
  support: number;
  chunk_id: string;
  article_id: string;
  chunk: { title: string; heading: string; text: string; retired_at: string | null } | null;
};
/** An article, numbered as the text numbers it: in the order of first use. With the passages that are cited. */
export type Source = { number: number; articleId: string; title: string; passages: Citation[] };
export type Part = { text: string; sources: number[]; isMark: boolean };

const MARK = /\[(\d{1,2})\]/g;

export function cite(body: string, citations: Citation[]): { parts: Part[]; sources: Source[] } {
  const sources = new Map<string, Source>();
  const sentences = new Map<number, { sentence: string; sources: number[] }>();
  for (const each of [...citations].sort((one, other) => one.ordinal - other.ordinal)) {
    const source = sources.get(each.article_id) ?? {
      number: sources.size + 1,
      articleId: each.article_id,
      title: each.chunk?.title ?? "",
      passages: [],
    };
    sources.set(each.article_id, source);
    if (!source.passages.some(({ chunk_id }) => chunk_id === each.chunk_id)) source.passages.push(each);
    const known = sentences.get(each.ordinal);
    if (!known) sentences.set(each.ordinal, { sentence: each.sentence.trim(), sources: [source.number] });
    else if (!known.sources.includes(source.number)) known.sources.push(source.number);
  }
  const parts: Part[] = [];
  let from = 0;
  for (const { sentence, sources: numbers } of sentences.values()) {
    const at = sentence ? body.indexOf(sentence, from) : -1;
    if (at < 0) continue;
    parts.push(...marked(body.slice(from, at), sources.size));
    parts.push({ text: sentence, sources: numbers, isMark: false });
    from = at + sentence.length;
  }
  parts.push(...marked(body.slice(from), sources.size));
  return {
    parts: parts.some(({ isMark }) => isMark) ? parts : withMarks(parts),
    sources: [...sources.values()],
  };
}

function marked(text: string, known: number): Part[] {
  const parts: Part[] = [];
  let from = 0;
  const plain = (until: number) => {
    if (until > from) parts.push({ text: text.slice(from, until), sources: [], isMark: false });
  };
  for (const found of text.matchAll(MARK)) {
    const number = Number(found[1]);
    if (number < 1 || number > known) continue;
    plain(found.index);
    parts.push({ text: found[0], sources: [number], isMark: true });
    from = found.index + found[0].length;
  }
  plain(text.length);
  return parts;
}

/** Of a text that names no sources: a mark where what rests on one ends. */
function withMarks(parts: Part[]): Part[] {
  return parts.flatMap((part, index) => {
    const next = parts.slice(index + 1).find(({ sources }) => sources.length > 0);
    if (part.sources.length === 0 || next?.sources.join() === part.sources.join()) return [part];
    return [
      part,
      ...part.sources.map((number) => ({ text: `[${number}]`, sources: [number], isMark: true })),
    ];
  });
}
