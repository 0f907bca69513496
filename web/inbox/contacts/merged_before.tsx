import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Button, Section } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import { useMergeContacts } from "./merging";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

/** Who has become this contact, and the way back. */
export function MergedBefore({ contactId }: { contactId: string }) {
  const t = useContactWords();
  const times = useTimes();
  const client = useClient();
  const { organization_id, atLeast } = useOrganization();
  const { undo } = useMergeContacts();
  const merges = useQuery({
    queryKey: ["contact", contactId, "merges"],
    queryFn: () =>
      ok(
        client
          .from("contact_merges")
          .select("id, loser_name, loser_email, created_at")
          .eq("organization_id", organization_id)
          .eq("winner_id", contactId)
          .is("undone_at", null)
          .order("id", { ascending: false })
          .limit(50),
      ),
  });
  if (!merges.data?.length) return null;
  return (
    <Section name="contact-merges" title={t("mergedBefore")} count={merges.data.length}>
      <ul className={styles.list}>
        {merges.data.map((each) => {
          const name = each.loser_name || each.loser_email || "—";
          return (
            <li key={each.id} className={styles.row}>
              <span />
              <span>{t("mergedOn", { name, day: times.day(each.created_at) })}</span>
              {atLeast("agent") && (
                <Button small aria-label={`${t("undo")}: ${name}`} onClick={() => void undo(each.id, name)}>
                  {t("undo")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
