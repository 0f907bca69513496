/** Messages and contacts that a search has found. Tickets are a list like any other (ticket_list.tsx). */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded } from "@kit/ui";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { SearchX } from "lucide-react";
import { Link } from "react-router";
import { useOrganization } from "../../shell/organization";
import type { CurrentList } from "../source";
import { marked } from "./marked";
import styles from "./search.module.css";
import { useSearchWords } from "./words";

const PAGE = 20;

export function FoundMessages({ list, query }: { list: CurrentList; query: string }) {
  const t = useSearchWords();
  const times = useTimes();
  const client = useClient();
  const { organization_id } = useOrganization();
  const found = useInfiniteQuery({
    queryKey: ["messages", organization_id, "found", query],
    placeholderData: keepPreviousData,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam }) =>
      ok(
        client.rpc("search_messages", {
          organization_id,
          query,
          max_messages: PAGE,
          ...(pageParam === null ? {} : { before_number: pageParam }),
        }),
      ),
    // The next page is of older tickets than the oldest of this one.
    getNextPageParam: (page) =>
      page.length < PAGE ? undefined : Math.min(...page.map((each) => each.number)),
  });
  return (
    <div className={styles.results}>
      <Loaded query={found} lines={10}>
        {({ pages }) => {
          const all = pages.flat();
          if (all.length === 0) return <Nothing />;
          return (
            <>
              <ul>
                {all.map((each) => (
                  <li key={each.id}>
                    <Link
                      className={styles.result}
                      to={list.pathOf(each.number)}
                      data-open={each.number === list.number || undefined}
                    >
                      <span className={styles.title}>
                        <span>
                          <bdi>{each.subject}</bdi>
                        </span>
                        {each.is_internal && <Badge tone="warning">{t("note")}</Badge>}
                        <span className={styles.muted}>
                          #{each.number} · {times.ago(each.created_at)}
                        </span>
                      </span>
                      <span className={styles.snippet}>
                        <bdi>
                          {marked(each.snippet).map(({ text, isFound, at }) =>
                            isFound ? <mark key={at}>{text}</mark> : text,
                          )}
                        </bdi>
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
              {found.hasNextPage && (
                <div className={styles.more}>
                  <Button busy={found.isFetchingNextPage} onClick={() => found.fetchNextPage()}>
                    {t("more")}
                  </Button>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

const MOST_CONTACTS = 50;

export function FoundContacts({ query }: { query: string }) {
  const t = useSearchWords();
  const client = useClient();
  const { organization_id, slug } = useOrganization();
  const found = useQuery({
    queryKey: ["contacts", organization_id, "found", query],
    placeholderData: keepPreviousData,
    queryFn: () =>
      ok(
        client
          .rpc("search_contacts", { organization_id, query, max_contacts: MOST_CONTACTS })
          .select("id, name, email, phone"),
      ),
  });
  return (
    <div className={styles.results}>
      <Loaded query={found} lines={10}>
        {(all) =>
          all.length === 0 ? (
            <Nothing />
          ) : (
            <ul>
              {all.map((each) => (
                <li key={each.id}>
                  <Link className={styles.result} to={`/${slug}/contacts/${each.id}`}>
                    <span className={styles.title}>
                      <span>
                        <bdi>{each.name || t("noName")}</bdi>
                      </span>
                    </span>
                    <span className={styles.muted}>
                      {[each.email, each.phone].filter(Boolean).join(" · ")}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

export function Nothing() {
  const t = useSearchWords();
  return (
    <Empty title={t("nothing")} icon={<SearchX />}>
      {t("nothingHint")}
    </Empty>
  );
}
