import type { FormEvent, ReactNode } from "react";
import styles from "./sign_in.module.css";

/** A page with one card, for whoever is not in a desk yet. With `onSubmit` it is a form. */
export function Card({
  title,
  onSubmit,
  children,
}: {
  title: string;
  onSubmit?: () => void;
  children: ReactNode;
}) {
  const inside = (
    <>
      <img src="/icon.svg" alt="" width="40" height="40" />
      <h1>{title}</h1>
      {children}
    </>
  );
  return (
    <main className={styles.page}>
      {onSubmit ? (
        <form
          className={styles.card}
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            onSubmit();
          }}
        >
          {inside}
        </form>
      ) : (
        <div className={styles.card}>{inside}</div>
      )}
    </main>
  );
}
