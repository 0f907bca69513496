import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Button, Loaded } from "@kit/ui";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { StatusIcon } from "../actions/icons";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

const PAGE = 8;

/** A contact's tickets, the newest first, without the one that is open. */
export function ContactTickets({ contactId, except }: { contactId: string; except?: string }) {
  const t = useContactWords();
  const times = useTimes();
  const client = useClient();
  const { organization_id, slug } = useOrganization();
  const pages = useInfiniteQuery({
    queryKey: ["tickets", organization_id, "of-contact", contactId],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: before }) => {
      const rows = client
        .from("tickets")
        .select("id, number, subject, status_category, created_at")
        .eq("organization_id", organization_id)
        .eq("contact_id", contactId)
        .is("merged_into", null)
        .order("created_at", { ascending: false })
        .limit(PAGE);
      return ok(before ? rows.lt("created_at", before) : rows);
    },
    getNextPageParam: (last) => (last.length === PAGE ? last.at(-1)?.created_at : null),
  });
  return (
    <Loaded query={pages} lines={2}>
      {({ pages: all }) => {
        const rows = all.flat().filter(({ id }) => id !== except);
        return (
          <>
            {rows.length === 0 && <p className={styles.muted}>{t("noTickets")}</p>}
            <ul className={styles.list}>
              {rows.map((each) => (
                <li key={each.id} className={styles.row}>
                  <StatusIcon category={each.status_category} />
                  <Link className={`${styles.link} ${styles.line}`} to={`/${slug}/ticket/${each.number}`}>
                    {each.subject || `#${each.number}`} <span className={styles.muted}>#{each.number}</span>
                  </Link>
                  <time
                    className={styles.small}
                    dateTime={each.created_at}
                    title={times.full(each.created_at)}
                  >
                    {times.short(each.created_at)}
                  </time>
                </li>
              ))}
            </ul>
            {pages.hasNextPage && (
              <Button small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                {t("more")}
              </Button>
            )}
          </>
        );
      }}
    </Loaded>
  );
}
