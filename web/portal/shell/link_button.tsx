/** A link that looks like what it is for: the next thing to do. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import styles from "./link_button.module.css";

export function LinkButton({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link to={to} className={styles.link}>
      {children}
    </Link>
  );
}
