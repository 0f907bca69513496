import { IconButton } from "@kit/ui";
import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Ticket } from "../tickets/ticket";
import { useIsWide, useSideDrawer } from "./drawer";
import styles from "./side.module.css";
import { SidePanel } from "./side_panel";
import { useSideWords } from "./words";

/** The panel as a column, or over the thread while it is asked for. */
export function SideColumn({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const isWide = useIsWide();
  const { isOpen } = useSideDrawer();
  if (isWide)
    return (
      <aside className={styles.column} aria-label={t("details")}>
        <SidePanel ticket={ticket} />
      </aside>
    );
  return isOpen ? <Drawer ticket={ticket} /> : null;
}

function Drawer({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const { setOpen } = useSideDrawer();
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <>
      {/* A convenience: the button and Escape do the same. */}
      <div className={styles.backdrop} onPointerDown={() => setOpen(false)} />
      <aside
        ref={panel}
        className={styles.drawer}
        aria-label={t("details")}
        tabIndex={-1}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !event.defaultPrevented) setOpen(false);
        }}
      >
        <div className={styles.close}>
          <IconButton label={t("close")} onClick={() => setOpen(false)}>
            <X />
          </IconButton>
        </div>
        <SidePanel ticket={ticket} />
      </aside>
    </>
  );
}
