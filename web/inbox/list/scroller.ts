/** The window over a long list: only rows that are seen exist, all of one height, and what is read stays where it is when
 *  tickets come in above it. */
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Density } from "./display";

/** In rem: as large as the reader's letters. */
const HEIGHTS = {
  card: { comfortable: 5.25, compact: 3.5 },
  line: { comfortable: 2.875, compact: 2.25 },
};
/** As in ticket_row.module.css. */
const WIDE_REM = 52;
const OVERSCAN = 8;
/** How far each list was read, for coming back to it. */
const offsets = new Map<string, number>();

export function useScroller(
  name: string,
  ids: readonly string[],
  density: Density,
  kept: number,
  slots: number,
) {
  const element = useRef<HTMLDivElement>(null);
  const [isWide, setWide] = useState(false);
  const rem = useRef(16);
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return;
    rem.current = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    const measure = () => {
      if (box.clientWidth > 0) setWide(box.clientWidth >= WIDE_REM * rem.current);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const height = Math.round(HEIGHTS[isWide ? "line" : "card"][density] * rem.current);
  const virtual = useVirtualizer({
    count: slots,
    getScrollElement: () => element.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
    initialOffset: () => offsets.get(name) ?? 0,
    // The row that has the keyboard's focus stays, wherever the wheel goes.
    rangeExtractor: useCallback(
      (range: Range) => {
        const seen = defaultRangeExtractor(range);
        return kept < 0 || seen.includes(kept) ? seen : [...seen, kept].sort((one, other) => one - other);
      },
      [kept],
    ),
  });

  // Another height: what was at the top stays there.
  const heightBefore = useRef(height);
  useLayoutEffect(() => {
    const box = element.current;
    const before = heightBefore.current;
    heightBefore.current = height;
    if (!box || before === height) return;
    const first = box.scrollTop / before;
    virtual.measure();
    box.scrollTop = first * height;
  }, [height, virtual]);

  const first = useRef<{ id: string | undefined; at: number }>({ id: undefined, at: 0 });
  useLayoutEffect(() => {
    const box = element.current;
    const { id, at } = first.current;
    if (!box || !id || box.scrollTop < height) return;
    const now = ids.indexOf(id);
    if (now >= 0 && now !== at) box.scrollTop += (now - at) * height;
  }, [ids, height]);

  useEffect(() => {
    const box = element.current;
    if (!box) return;
    const note = () => {
      // A list that is hidden, as beside a ticket on a phone, has no place.
      if (box.clientHeight === 0) return;
      offsets.set(name, box.scrollTop);
      const at = Math.floor(box.scrollTop / height);
      first.current = { id: ids[at], at };
    };
    note();
    box.addEventListener("scroll", note, { passive: true });
    return () => box.removeEventListener("scroll", note);
  }, [name, ids, height]);

  // Shown again: as it was left.
  useEffect(() => {
    const box = element.current;
    if (!box) return;
    let wasHidden = box.clientHeight === 0;
    const observer = new ResizeObserver(() => {
      const isHidden = box.clientHeight === 0;
      if (wasHidden && !isHidden) box.scrollTop = offsets.get(name) ?? 0;
      wasHidden = isHidden;
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [name]);

  return { element, virtual, height, isWide };
}
