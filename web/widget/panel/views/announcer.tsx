/** Says to who cannot see it what has come: each new answer, once. */
import { useEffect, useRef, useState } from "preact/hooks";
import { cited } from "../chat/sources";
import { newestOf } from "../chat/state";
import { useChatState, useWords } from "../context";

export function Announcer({ isOpen }: { isOpen: boolean }) {
  const t = useWords();
  const { messages, phase, awaitsPerson } = useChatState();
  const last = newestOf(messages);
  const known = useRef<string | null>(null);
  const [said, say] = useState("");
  useEffect(() => {
    const isNew = known.current !== null && last !== undefined && last.id > known.current;
    if (phase === "ready") known.current = last?.id ?? "";
    if (!isOpen || !isNew || last.sender === "contact") return;
    const who = last.sender === "ai" ? t("byAi") : t("byPerson");
    say(`${who}: ${cited(last.reply_text ?? last.body_text).text}`);
  }, [last, phase, isOpen, t]);
  useEffect(() => {
    if (awaitsPerson) say(t("personComes"));
  }, [awaitsPerson, t]);
  return (
    <div class="unseen" role="status" aria-live="polite">
      {said}
    </div>
  );
}
