/** What became of a text, line by line: the longest common run of lines stays, the rest was taken out or put in. */

export type Change = { kind: "same" | "out" | "in"; text: string };
/** Longer texts are compared whole: the table of lengths would be too large. */
const MOST = 3_000;

export function diffLines(before: string, after: string): Change[] {
  const old = before.split("\n");
  const now = after.split("\n");
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (
    tail < old.length - head &&
    tail < now.length - head &&
    old[old.length - 1 - tail] === now[now.length - 1 - tail]
  )
    tail += 1;
  const same = (lines: string[]): Change[] => lines.map((text) => ({ kind: "same", text }));
  return [
    ...same(old.slice(0, head)),
    ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...same(old.slice(old.length - tail)),
  ];
}

function middle(old: string[], now: string[]): Change[] {
  const out = (text: string): Change => ({ kind: "out", text });
  const put = (text: string): Change => ({ kind: "in", text });
  if (old.length > MOST || now.length > MOST) return [...old.map(out), ...now.map(put)];
  const width = now.length + 1;
  // lengths[i, j]: the longest common run of old from i and now from j.
  const lengths = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      changes.push({ kind: "same", text: old[i] as string });
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) {
      changes.push(out(old[i] as string));
      i += 1;
    } else {
      changes.push(put(now[j] as string));
      j += 1;
    }
  }
  return changes;
}
