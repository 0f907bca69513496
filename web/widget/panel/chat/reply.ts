/** The AI's answer while it is made, from the hints on the ticket's topic. What the desk means by them: docs/chat.md. */

export type Making = { reply: string; seq: number; text: string; next: number };

/** The answer with another part of it; `newest` is the number of the newest message at hand. */
export function withDelta(
  making: Making | null,
  part: Record<string, unknown>,
  newest: number,
): Making | null {
  const { reply_id: reply, index, text, seq } = part;
  if (
    typeof reply !== "string" ||
    typeof index !== "number" ||
    typeof text !== "string" ||
    typeof seq !== "number"
  )
    return making;
  if (newest > seq) return making;
  const so = making?.reply === reply ? making : { reply, seq, text: "", next: 0 };
  if (index !== so.next) return so.text ? so : making;
  return { ...so, text: so.text + text, next: index + 1 };
}
