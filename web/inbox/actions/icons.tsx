/** How a ticket's status and priority look: the same picture wherever they stand. Their word stands beside it, or is its name. */
import {
  CircleCheck,
  CircleDot,
  CirclePause,
  OctagonAlert,
  SignalHigh,
  SignalLow,
  SignalMedium,
} from "lucide-react";
import styles from "./actions.module.css";

export function StatusIcon({ category }: { category: string | undefined }) {
  if (category === "resolved") return <CircleCheck className={styles.resolved} aria-hidden />;
  if (category === "waiting") return <CirclePause className={styles.waiting} aria-hidden />;
  return <CircleDot className={styles.open} aria-hidden />;
}

export function PriorityIcon({ priority }: { priority: string }) {
  if (priority === "urgent") return <OctagonAlert className={styles.urgent} aria-hidden />;
  if (priority === "high") return <SignalHigh className={styles.high} aria-hidden />;
  if (priority === "low") return <SignalLow aria-hidden />;
  return <SignalMedium aria-hidden />;
}
