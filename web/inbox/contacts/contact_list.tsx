import { Avatar, Empty, Failure, Skeleton, TextField } from "@kit/ui";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Contact as ContactIcon } from "lucide-react";
import { type RefObject, useEffect, useRef } from "react";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import { nameOf } from "./contact";
import styles from "./page.module.css";
import type { useContactList } from "./use_contact_list";
import { useContactWords } from "./words";

type Props = {
  list: ReturnType<typeof useContactList>;
  query: string;
  onQuery: (query: string) => void;
  searchRef: RefObject<HTMLInputElement | null>;
  chosen: string | undefined;
};
const ROW_PX = 56;
/** How many rows before the end the next page is asked for. */
const AHEAD = 15;

/** Only the rows that are seen are made; more are read as the end comes near. */
export function ContactList({ list, query, onQuery, searchRef, chosen }: Props) {
  const t = useContactWords();
  const { slug } = useOrganization();
  const scroller = useRef<HTMLDivElement>(null);
  const { rows, hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= rows.length - AHEAD) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);
  useEffect(() => {
    const at = rows.findIndex(({ id }) => id === chosen);
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [chosen, rows, virtual]);
  return (
    <div className={styles.list}>
      <div className={styles.search}>
        <TextField
          ref={searchRef}
          label={t("search")}
          hideLabel
          type="search"
          autoComplete="off"
          placeholder={t("search")}
          value={query}
          onChange={({ target }) => onQuery(target.value)}
        />
      </div>
      <div ref={scroller} className={styles.rows} aria-busy={list.isFetching}>
        {list.error && rows.length === 0 ? (
          <Failure error={list.error} onRetry={() => void list.refetch()} />
        ) : list.isPending ? (
          <Skeleton lines={8} />
        ) : rows.length === 0 ? (
          <Empty title={list.isSearch ? t("nobodyFound") : t("noContacts")} icon={<ContactIcon />}>
            {!list.isSearch && t("noContactsHint")}
          </Empty>
        ) : (
          <ul style={{ height: virtual.getTotalSize() }} aria-label={t("people")}>
            {shown.map(({ index, start }) => {
              const each = rows[index];
              if (!each) return null;
              const name = nameOf(each);
              return (
                <li key={each.id} style={{ insetBlockStart: start, height: ROW_PX }}>
                  <Link
                    className={styles.row}
                    to={`/${slug}/contacts/${each.id}`}
                    aria-current={each.id === chosen ? "page" : undefined}
                  >
                    <Avatar name={name} />
                    <div>
                      <span className={styles.line}>{name}</span>
                      <span className={`${styles.line} ${styles.muted}`}>
                        {[name === each.email ? "" : each.email || each.phone, each.company?.name]
                          .filter(Boolean)
                          .join(" · ")}
                      </span>
                    </div>
                  </Link>
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </div>
  );
}
