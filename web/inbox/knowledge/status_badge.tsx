import { Badge, type Tone } from "@kit/ui";
import type { Status } from "./articles";
import { useKnowledgeWords } from "./words";

const TONES: Record<Status, Tone> = { draft: "warning", published: "success", archived: "neutral" };

export function StatusBadge({ status }: { status: Status }) {
  const t = useKnowledgeWords();
  return <Badge tone={TONES[status]}>{t(status)}</Badge>;
}
