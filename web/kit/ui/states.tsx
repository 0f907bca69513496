/** What is shown where there is nothing to show: loading, empty, failed. */
import { isOffline, problemOf } from "@kit/api/errors";
import type { ReactNode } from "react";
import { Button } from "./button";
import styles from "./states.module.css";
import { useKitWords } from "./words";

/** Grey lines in place of what is coming. */
export function Skeleton({ lines = 3, label }: { lines?: number; label?: string }) {
  const t = useKitWords();
  return (
    <div role="status" className={styles.skeleton}>
      <span className="visually-hidden">{label ?? t("loading")}</span>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines that are all alike
        <div key={line} className={styles.line} />
      ))}
    </div>
  );
}

export function Empty({ title, icon, children }: { title: string; icon?: ReactNode; children?: ReactNode }) {
  return (
    <div className={styles.state}>
      {icon && (
        <span aria-hidden className={styles.icon}>
          {icon}
        </span>
      )}
      <p className={styles.title}>{title}</p>
      {children && <div className={styles.text}>{children}</div>}
    </div>
  );
}

/** A query that failed: what was wrong, and how to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useKitWords();
  const problem = problemOf(error);
  return (
    <div role="alert" className={styles.state}>
      <p className={styles.title}>{isOffline(error) ? t("offline") : t("failed")}</p>
      {!isOffline(error) && (
        <p className={styles.text}>
          {problem.message}
          {problem.hint ? ` ${problem.hint}` : ""}
        </p>
      )}
      {onRetry && <Button onClick={onRetry}>{t("again")}</Button>}
    </div>
  );
}

type Query<T> = { data: T | undefined; error: unknown; refetch: () => unknown };

/** A query's data, or how it stands. Data that are there stay while they are read anew. */
export function Loaded<T>({
  query,
  lines,
  children,
}: {
  query: Query<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failure error={query.error} onRetry={() => query.refetch()} />;
  return <Skeleton lines={lines ?? 3} />;
}
