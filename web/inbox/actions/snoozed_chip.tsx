import { useTimes } from "@kit/i18n/time";
import { Badge } from "@kit/ui";
import { AlarmClock } from "lucide-react";
import { useActionWords } from "./words";

export function SnoozedChip({ until }: { until: string }) {
  const t = useActionWords();
  const times = useTimes();
  return (
    <Badge tone="warning">
      <AlarmClock size={13} aria-hidden /> {t("sleeps", { time: times.moment(until) })}
    </Badge>
  );
}
