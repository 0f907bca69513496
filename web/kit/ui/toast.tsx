/** Short words about what has happened, with at most one thing to do about it (undo, try again). */
import { X } from "lucide-react";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { Button, IconButton } from "./button";
import styles from "./toast.module.css";
import { useKitWords } from "./words";

const SHOWN_MS = 6_000;
type Toast = {
  id: number;
  text: string;
  tone: "neutral" | "danger";
  action?: { label: string; run: () => void } | undefined;
};
type Show = (
  text: string,
  options?: { tone?: Toast["tone"]; action?: Toast["action"]; ms?: number },
) => () => void;
const Given = createContext<Show>(() => () => {});
let next = 0;

export function ToastProvider({ children }: { children: ReactNode }) {
  const t = useKitWords();
  const [toasts, setToasts] = useState<Toast[]>([]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((each) => each.id !== id)), []);
  const show = useCallback<Show>(
    (text, { tone = "neutral", action, ms = SHOWN_MS } = {}) => {
      const id = ++next;
      setToasts((all) => [...all.slice(-3), { id, text, tone, action }]);
      // What went wrong stays until somebody has read it.
      if (tone !== "danger") setTimeout(() => drop(id), ms);
      return () => drop(id);
    },
    [drop],
  );
  return (
    <Given.Provider value={useMemo(() => show, [show])}>
      {children}
      <section className={styles.stack} aria-live="polite">
        {toasts.map((each) => (
          <div
            key={each.id}
            className={styles.toast}
            data-tone={each.tone}
            role={each.tone === "danger" ? "alert" : "status"}
          >
            <span className={styles.text}>{each.text}</span>
            {each.action && (
              <Button
                small
                onClick={() => {
                  drop(each.id);
                  each.action?.run();
                }}
              >
                {each.action.label}
              </Button>
            )}
            <IconButton small label={t("dismiss")} onClick={() => drop(each.id)}>
              <X />
            </IconButton>
          </div>
        ))}
      </section>
    </Given.Provider>
  );
}

/** `show(text, { tone, action, ms })` gives a function that takes it away again. */
export const useToast = () => useContext(Given);
