/** The list of a view or a search. */
import { Button, Empty, Failure, Skeleton } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { Inbox, Search } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { usePeople, useStatuses, useTeams } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { usePrefetchTicket } from "../tickets/ticket";
import { BulkBar } from "./bulk/bulk_bar";
import { factsOf, useDensity } from "./display";
import { ListHead } from "./list_head";
import { useListKeys } from "./list_keys";
import { useMending } from "./mending";
import { showAsRead, type TicketRow as Ticket } from "./rows";
import { useScroller } from "./scroller";
import { FoundContacts, FoundMessages, Nothing } from "./search/found_lists";
import { type Place, placeOf } from "./search/search_head";
import { useSearchWords } from "./search/words";
import { useSelection } from "./selection";
import { type CurrentList, type Source, useCurrentList } from "./source";
import styles from "./ticket_list.module.css";
import { type Names, TicketRow } from "./ticket_row";
import { useTicketList } from "./tickets_query";
import { useNow } from "./use_now";
import { useViews } from "./views";
import { useListWords } from "./words";

export function TicketList() {
  const list = useCurrentList();
  const t = useListWords();
  const views = useViews();
  if (!list.source) {
    if (views.error) return <Failure error={views.error} onRetry={() => views.refetch()} />;
    return views.data ? <Empty title={t("noView")} /> : <Skeleton lines={12} />;
  }
  // Each list is a component of its own: selection and cursor are of one.
  return <Listed key={list.source.kind === "search" ? "search" : JSON.stringify(list.source)} list={list} />;
}

/** So many rows before the end of what is loaded, the next page is read. */
const AHEAD = 100;

function Listed({ list }: { list: CurrentList }) {
  const t = useListWords();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const query = useTicketList(list.source);
  useMending(list.source);
  const { rows } = query;
  const ids = useMemo(() => rows.map((row) => row.id), [rows]);
  const selection = useSelection(() => ids);
  const [density] = useDensity();
  const now = useNow();
  const view = useViews().data?.find((each) => list.source?.kind === "view" && each.id === list.source.view);
  const isSearch = list.source?.kind === "search";
  const place = placeOf(useSearchParams()[0]);
  const facts = useMemo(() => factsOf(isSearch ? SEARCH_FACTS : view?.columns), [isSearch, view?.columns]);
  const names = useNames();
  const prefetch = usePrefetchTicket();

  const [cursorId, setCursorId] = useState<string | null>(null);
  const openAt = list.number === undefined ? -1 : rows.findIndex((row) => row.number === list.number);
  const openId = rows[openAt]?.id;
  const cursorAt = openAt >= 0 ? openAt : cursorId ? ids.indexOf(cursorId) : -1;
  const slots = rows.length + (query.hasNextPage ? 1 : 0);
  const scroller = useScroller(JSON.stringify(list.source), ids, density, cursorAt, slots);
  const { virtual, element } = scroller;
  const items = virtual.getVirtualItems();

  const lastSeen = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError && lastSeen >= rows.length - AHEAD)
      void fetchNextPage();
  }, [lastSeen, rows.length, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

  // What is open has been seen; while it is open, and when it is left.
  useEffect(() => {
    if (!openId) return;
    const timer = setTimeout(() => showAsRead(queries, organization_id, openId), READ_MS);
    return () => {
      clearTimeout(timer);
      showAsRead(queries, organization_id, openId);
    };
  }, [openId, queries, organization_id]);

  // The open ticket is in sight when the list changes its shape, or the address leads to another.
  const shown = useRef({ number: list.number, isWide: scroller.isWide });
  useEffect(() => {
    const before = shown.current;
    shown.current = { number: list.number, isWide: scroller.isWide };
    if (openAt >= 0 && (before.number !== list.number || before.isWide !== scroller.isWide))
      virtual.scrollToIndex(openAt, { align: "auto" });
  }, [list.number, scroller.isWide, openAt, virtual]);

  const goTo = useCallback(
    (row: Ticket, at: number) => {
      prefetch(row.number);
      virtual.scrollToIndex(at, { align: "auto" });
      if (list.number !== undefined) {
        navigate(list.pathOf(row.number), { replace: true });
        return;
      }
      setCursorId(row.id);
      requestAnimationFrame(() =>
        element.current?.querySelector<HTMLElement>(`[data-ticket="${row.id}"] a`)?.focus({
          preventScroll: true,
        }),
      );
    },
    [prefetch, virtual, list, navigate, element],
  );
  // Where the open ticket stood, when it has left the list: the next one is there now.
  const stoodAt = useRef(0);
  useEffect(() => {
    if (cursorAt >= 0) stoodAt.current = cursorAt;
  }, [cursorAt]);
  useListKeys({ list, rows, cursorAt, stoodAt, selection, goTo });

  return (
    <section className={styles.list} aria-label={t("list")} data-density={density}>
      <ListHead list={list} view={view} />
      <BulkBar
        rows={rows}
        selection={selection}
        here={list.number === undefined ? rows[cursorAt] : undefined}
      />
      {isSearch && place !== "tickets" ? (
        <Elsewhere list={list} place={place} />
      ) : (
        <div
          ref={element}
          className={styles.scroll}
          data-selecting={selection.ids.size > 0 || undefined}
          aria-busy={query.isFetching}
        >
          {query.isPending && query.fetchStatus !== "idle" ? (
            <Skeleton lines={14} />
          ) : query.error && rows.length === 0 ? (
            <Failure error={query.error} onRetry={() => query.refetch()} />
          ) : rows.length === 0 ? (
            <NothingHere source={list.source} />
          ) : (
            <ul className={styles.rows} style={{ height: virtual.getTotalSize() }}>
              {items.map(({ index, start }) => {
                const row = rows[index];
                return row ? (
                  <TicketRow
                    key={row.id}
                    ticket={row}
                    to={list.pathOf(row.number)}
                    top={start}
                    height={scroller.height}
                    place={index + 1}
                    isOpen={index === openAt}
                    isCursor={index === cursorAt}
                    isTabbed={index === Math.max(cursorAt, 0)}
                    isSelected={selection.ids.has(row.id)}
                    {...{ facts, names, now }}
                    onPick={selection.pick}
                    onPoint={(pointed) => prefetch(pointed.number)}
                  />
                ) : (
                  <li
                    key="more"
                    className={styles.more}
                    style={{ height: scroller.height, transform: `translateY(${start}px)` }}
                  >
                    {isFetchNextPageError ? (
                      <>
                        <span role="alert">{t("moreFailed")}</span>
                        <Button small onClick={() => fetchNextPage()}>
                          {t("again")}
                        </Button>
                      </>
                    ) : (
                      <span role="status">{t("more")}</span>
                    )}
                  </li>
                );
              })}
            </ul>
          )}
        </div>
      )}
    </section>
  );
}

function Elsewhere({ list, place }: { list: CurrentList; place: Place }) {
  const query = list.source?.kind === "search" ? list.source.query.trim() : "";
  if (!query) return <NothingHere source={list.source} />;
  return place === "messages" ? <FoundMessages list={list} query={query} /> : <FoundContacts query={query} />;
}

function NothingHere({ source }: { source: Source | null }) {
  const t = useListWords();
  const search = useSearchWords();
  if (source?.kind !== "search")
    return (
      <Empty title={t("empty")} icon={<Inbox />}>
        {t("emptyHint")}
      </Empty>
    );
  if (source.query.trim()) return <Nothing />;
  return (
    <Empty title={search("typeWords")} icon={<Search />}>
      {search("typeHint")}
    </Empty>
  );
}

function useNames(): Names {
  const { person } = usePeople();
  const teams = useTeams().data;
  const statuses = useStatuses().data;
  return useMemo(() => {
    const teamNames = new Map(teams?.map((each) => [each.id, each.name]));
    const statusNames = new Map(statuses?.map((each) => [each.key, each.name]));
    return {
      person,
      team: (id) => teamNames.get(id),
      status: (key) => statusNames.get(key) ?? key,
    };
  }, [person, teams, statuses]);
}

const READ_MS = 600;
const SEARCH_FACTS = ["number", "status", "priority", "assignee", "snippet"];
