import { ChevronRight } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import styles from "./section.module.css";

const KEPT_UNDER = "pgdesk.sections";

/** A part of a panel that can be folded; whether it is, is remembered by `name`. What is folded is not made, so it is not
 *  read either. `action`: a button beside the heading. */
export function Section({
  name,
  title,
  count,
  folded = false,
  action,
  children,
}: {
  name: string;
  title: string;
  count?: number | undefined;
  /** At first. */
  folded?: boolean;
  action?: ReactNode;
  children: ReactNode;
}) {
  const [isOpen, setOpen] = useState(() => kept()[name] ?? !folded);
  const id = useId();
  const toggle = () => {
    localStorage.setItem(KEPT_UNDER, JSON.stringify({ ...kept(), [name]: !isOpen }));
    setOpen(!isOpen);
  };
  return (
    <section className={styles.section} aria-labelledby={`${id}-title`}>
      <div className={styles.head}>
        <h2>
          <button
            type="button"
            id={`${id}-title`}
            className={styles.toggle}
            aria-expanded={isOpen}
            aria-controls={isOpen ? id : undefined}
            onClick={toggle}
          >
            <ChevronRight aria-hidden />
            {title}
            {count !== undefined && count > 0 && <span className={styles.count}>{count}</span>}
          </button>
        </h2>
        {action}
      </div>
      {isOpen && (
        <div id={id} className={styles.body}>
          {children}
        </div>
      )}
    </section>
  );
}

function kept(): Record<string, boolean> {
  try {
    return JSON.parse(localStorage.getItem(KEPT_UNDER) ?? "{}") as Record<string, boolean>;
  } catch {
    return {};
  }
}
