import { useTimes } from "@kit/i18n/time";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

export function DayLine({ at }: { at: string }) {
  const t = useRoomWords();
  const times = useTimes();
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  const day = new Date(at).toDateString();
  return (
    <p className={styles.day}>
      {day === today.toDateString()
        ? t("today")
        : day === yesterday.toDateString()
          ? t("yesterday")
          : times.day(at)}
    </p>
  );
}
