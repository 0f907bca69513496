/** A list whose order people set: by dragging a row at its handle, or with the arrow keys on the handle. */
import { defineWords, useWords } from "@kit/i18n";
import { GripVertical } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import styles from "./sortable.module.css";

const words = defineWords({
  en: {
    handle: "Move {name}: drag it, or use the arrow keys",
    moved: "{name} is now {place} of {count}",
  },
  ar: { handle: "نقل {name}: اسحبه أو استخدم أسهم لوحة المفاتيح", moved: "{name} الآن {place} من {count}" },
});

/** `items[to]` comes after what stood before it. */
export function moved<T>(items: readonly T[], from: number, to: number): T[] {
  const rest = items.filter((_, index) => index !== from);
  const item = items[from];
  return item === undefined ? [...items] : [...rest.slice(0, to), item, ...rest.slice(to)];
}

type Props<T> = {
  items: readonly T[];
  keyOf: (item: T) => string | number;
  nameOf: (item: T) => string;
  /** All of them, in their new order. Without it there are no handles. */
  onOrder?: ((items: T[]) => void) | undefined;
  className?: string | undefined;
  children: (item: T, index: number) => ReactNode;
};

export function SortableList<T>({ items, keyOf, nameOf, onOrder, className, children }: Props<T>) {
  const t = useWords(words);
  const list = useRef<HTMLUListElement>(null);
  const [dragged, setDragged] = useState<{ from: number; to: number } | null>(null);
  const [said, setSaid] = useState("");
  const shown = dragged ? moved(items, dragged.from, dragged.to) : items;

  const move = (from: number, to: number) => {
    const item = items[from];
    if (to < 0 || to >= items.length || to === from || item === undefined) return;
    onOrder?.(moved(items, from, to));
    setSaid(t("moved", { name: nameOf(item), place: to + 1, count: items.length }));
  };
  /** The place whose middle is nearest to where the pointer is. */
  const placeAt = (y: number): number => {
    const rows = [...(list.current?.children ?? [])];
    const distances = rows.map((row) => {
      const { top, height } = row.getBoundingClientRect();
      return Math.abs(top + height / 2 - y);
    });
    return distances.indexOf(Math.min(...distances));
  };
  return (
    <>
      <ul ref={list} className={[styles.list, className].filter(Boolean).join(" ")}>
        {shown.map((item, index) => {
          const isDragged = dragged?.to === index;
          return (
            <li key={keyOf(item)} className={styles.row} data-dragged={isDragged || undefined}>
              {onOrder && items.length > 1 && (
                <button
                  type="button"
                  className={styles.handle}
                  aria-label={t("handle", { name: nameOf(item) })}
                  onKeyDown={(event) => {
                    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
                    event.preventDefault();
                    move(index, index + (event.key === "ArrowUp" ? -1 : 1));
                  }}
                  onPointerDown={(event) => {
                    event.currentTarget.setPointerCapture(event.pointerId);
                    setDragged({ from: index, to: index });
                  }}
                  onPointerMove={(event) => {
                    if (dragged) setDragged({ from: dragged.from, to: placeAt(event.clientY) });
                  }}
                  onPointerUp={() => {
                    if (dragged) move(dragged.from, dragged.to);
                    setDragged(null);
                  }}
                  onPointerCancel={() => setDragged(null)}
                >
                  <GripVertical aria-hidden />
                </button>
              )}
              <div className={styles.inside}>{children(item, index)}</div>
            </li>
          );
        })}
      </ul>
      <span role="status" className="visually-hidden">
        {said}
      </span>
    </>
  );
}
