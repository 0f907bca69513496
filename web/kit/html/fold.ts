/** What a mail repeats of earlier ones, folded away. */

/**
 * Folds everything after what is new in a mail. `fresh`: the new part as text, as the reader of mail has cut it; where the
 * page does not begin with it, quotations at the end are folded. `label` is what is pressed to see them. Says whether
 * something was folded.
 */
export function foldQuotes(body: DocumentFragment, fresh: string | null, label: string): boolean {
  const end = (fresh && endOf(body, squeeze(fresh))) || lastQuotation(body);
  if (!end) return false;
  const range = body.ownerDocument.createRange();
  range.setStart(...end);
  range.setEndAfter(body.lastChild as Node);
  const rest = range.extractContents();
  if (!squeeze(rest.textContent ?? "") && !rest.querySelector("img")) {
    body.append(rest);
    return false;
  }
  const fold = body.ownerDocument.createElement("details");
  const summary = body.ownerDocument.createElement("summary");
  summary.textContent = label;
  fold.append(summary, rest);
  body.append(fold);
  return true;
}

type Place = [Node, number];
const squeeze = (text: string) => text.replace(/[\s\u00a0\u200b-\u200d\ufeff]+/g, "");

/** Where the page has said as much as `wanted`, spaces aside; null where it says something else. */
function endOf(body: DocumentFragment, wanted: string): Place | null {
  if (!wanted) return null;
  const walker = body.ownerDocument.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.nodeValue ?? "";
    for (let index = 0; index < text.length; index += 1) {
      if (!squeeze(text[index] as string)) continue;
      if (text[index] !== wanted[at]) return null;
      at += 1;
      if (at === wanted.length) return [node, index + 1];
    }
  }
  return null;
}

/** Before a quotation after which nothing more is said, and the line that introduces it. */
function lastQuotation(body: DocumentFragment): Place | null {
  const quotations = [...body.querySelectorAll("blockquote")].filter(
    (each) => !each.parentElement?.closest("blockquote"),
  );
  const last = quotations.at(-1);
  if (!last) return null;
  const after = body.ownerDocument.createRange();
  after.setStartAfter(last);
  after.setEndAfter(body.lastChild as Node);
  const before = body.ownerDocument.createRange();
  before.setStart(body, 0);
  before.setEndBefore(last);
  if (squeeze(after.toString()) || !squeeze(before.toString())) return null;
  const parent = last.parentNode as Node;
  return [parent, [...parent.childNodes].indexOf(last)];
}
