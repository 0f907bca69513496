/** Which tickets of a list are selected, by id, and from where Shift extends. */
import { useCallback, useMemo, useRef, useState } from "react";

export type Selection = {
  ids: ReadonlySet<string>;
  pick: (id: string, isRange: boolean) => void;
  add: (id: string) => void;
  all: () => void;
  clear: () => void;
};

/** `order`: the ids of the list as it stands when somebody picks. */
export function useSelection(order: () => string[]): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(NONE);
  const anchor = useRef<string | null>(null);
  const latest = useRef(order);
  latest.current = order;
  const pick = useCallback((id: string, isRange: boolean) => {
    const from = anchor.current;
    anchor.current = id;
    setIds((old) => picked(old, id, isRange && from ? between(latest.current(), from, id) : []));
  }, []);
  const add = useCallback((id: string) => setIds((old) => new Set(old).add(id)), []);
  const all = useCallback(() => setIds(new Set(latest.current())), []);
  const clear = useCallback(() => setIds(NONE), []);
  return useMemo(() => ({ ids, pick, add, all, clear }), [ids, pick, add, all, clear]);
}

const NONE: ReadonlySet<string> = new Set();

function picked(old: ReadonlySet<string>, id: string, range: string[]): ReadonlySet<string> {
  if (range.length > 0) return new Set([...old, ...range]);
  const next = new Set(old);
  if (!next.delete(id)) next.add(id);
  return next;
}

function between(order: string[], from: string, to: string): string[] {
  const [start, end] = [order.indexOf(from), order.indexOf(to)];
  if (start < 0 || end < 0) return [];
  return order.slice(Math.min(start, end), Math.max(start, end) + 1);
}
