import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./button";
import styles from "./dialog.module.css";
import { useKitWords } from "./words";

type Props = { title: string; onClose: () => void; children: ReactNode; wide?: boolean; bare?: boolean };

const FIRST = ["input", "select", "textarea", "button", "a[href]"]
  .map((each) => `${each}:not([data-head] *, :disabled)`)
  .join();

/** A modal window, open while it is rendered. The browser's own: focus stays in it and comes back, Escape closes it.
 *  `bare`: without a visible head (the command bar). */
export function Dialog({ title, onClose, children, wide = false, bare = false }: Props) {
  const t = useKitWords();
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) {
      dialog.showModal();
      // What the window is for has the focus, not its way out.
      dialog.querySelector<HTMLElement>(FIRST)?.focus();
    }
    return () => dialog?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a press on the backdrop is a convenience; Escape does the same
    <dialog
      ref={element}
      className={[styles.dialog, wide && styles.wide].filter(Boolean).join(" ")}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === element.current && onClose()}
    >
      <div className={styles.inside}>
        <header className={bare ? "visually-hidden" : styles.head} data-head>
          <h2 id={heading}>{title}</h2>
          <IconButton label={t("close")} onClick={onClose}>
            <X />
          </IconButton>
        </header>
        {children}
      </div>
    </dialog>
  );
}
