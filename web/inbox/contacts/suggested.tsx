import { Section } from "@kit/ui";
import type { Contact } from "./contact";
import { PairCard, usePairs } from "./pair";
import { useContactWords } from "./words";

/** Who may be this contact as well. */
export function Suggested({ contact }: { contact: Contact }) {
  const t = useContactWords();
  const pairs = usePairs(contact.id).data ?? [];
  if (pairs.length === 0) return null;
  return (
    <Section name="contact-duplicates" title={t("duplicates")} count={pairs.length}>
      {pairs.map((pair) => (
        <PairCard key={`${pair.one.id} ${pair.other.id}`} pair={pair} />
      ))}
    </Section>
  );
}
