/** One line of a log, and what there is to know about it once it is opened. */
import { ChevronRight } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import styles from "./log.module.css";

export function LogEntry({
  name,
  aside,
  children,
}: {
  name: ReactNode;
  aside: ReactNode;
  children: () => ReactNode;
}) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <li className={styles.entry}>
      <div className={styles.line}>
        <button
          type="button"
          className={styles.toggle}
          aria-expanded={isOpen}
          aria-controls={isOpen ? id : undefined}
          onClick={() => setOpen(!isOpen)}
        >
          <ChevronRight aria-hidden />
          {name}
        </button>
        <div className={styles.aside}>{aside}</div>
      </div>
      {isOpen && (
        <div id={id} className={styles.details}>
          {children()}
        </div>
      )}
    </li>
  );
}

/** Code that may be longer than its place: it scrolls, also by keyboard. */
export function Code({ label, children }: { label: string; children: string }) {
  return (
    <section>
      <h4>{label}</h4>
      <pre
        className={styles.code}
        dir="ltr"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
      >
        {children}
      </pre>
    </section>
  );
}

/** JSON as people read it; what is none, as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
