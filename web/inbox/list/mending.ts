/** Keeps a list as it is in the database: what events tell of is read as rows and put in its place, in one request however
 *  many pages are loaded. */
import { type Client, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useOrganization } from "../shell/organization";
import { changesEnd, changesSince, onChanges } from "./changes";
import { mend, type Order, withTop } from "./order";
import { asPages, listKey, type Pages, rowsOf, type TicketRow } from "./rows";
import type { Source } from "./source";
import { readPage, readSome } from "./tickets_query";
import { orderOf, type View } from "./views";

/** What happens within this time is read at once. */
const GATHER_MS = 150;
const RETRY_MS = 4_000;
/** So many are read in one request. */
const AT_ONCE = 100;
/** What the clock alone brings into a list (late, two days ago) comes with its top, read now and then. */
const TOP_MS = 5 * 60_000;

/** Up to where each list has been mended, by its key. */
const mended = new Map<string, number>();

export function useMending(given: Source | null): void {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  // The same list, whatever object says so.
  const name = JSON.stringify(given);
  useEffect(() => {
    const source = JSON.parse(name) as Source | null;
    if (!source) return;
    let ended = false;
    let isMending = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let topAt = Date.now();
    const list: List = { client, queries, organizationId: organization_id, source, name };
    // A list that is read now has all that happened before.
    if (!queries.getQueryData(listKey(organization_id, source)))
      mended.set(markOf(list), changesEnd(organization_id));
    const run = async () => {
      timer = undefined;
      if (isMending || document.visibilityState !== "visible") return;
      isMending = true;
      let wait: number | null = null;
      try {
        if (await mendList(list)) wait = 0;
      } catch {
        wait = RETRY_MS;
      } finally {
        isMending = false;
      }
      if (wait !== null && !ended) soon(wait);
    };
    const soon = (ms: number) => {
      timer ??= setTimeout(run, ms);
    };
    const wake = () => {
      if (document.visibilityState !== "visible") return;
      soon(0);
      if (Date.now() - topAt < TOP_MS) return;
      topAt = Date.now();
      void readTop(list).catch(() => {});
    };
    const clock = setInterval(wake, TOP_MS);
    const stop = onChanges(organization_id, () => soon(GATHER_MS));
    document.addEventListener("visibilitychange", wake);
    // What came while another screen was shown.
    soon(0);
    return () => {
      ended = true;
      clearTimeout(timer);
      clearInterval(clock);
      stop();
      document.removeEventListener("visibilitychange", wake);
    };
  }, [client, queries, organization_id, name]);
}

type List = {
  client: Client;
  queries: QueryClient;
  organizationId: string;
  source: Source;
  name: string;
};

const markOf = ({ organizationId, name }: List) => `${organizationId}/${name}`;

/** Whether there is more to mend. */
async function mendList(list: List): Promise<boolean> {
  const { queries, organizationId, source } = list;
  const key = listKey(organizationId, source);
  const state = queries.getQueryState<Pages>(key);
  const mark = markOf(list);
  const end = changesEnd(organizationId);
  if (state?.fetchStatus === "fetching") {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    return true;
  }
  if (!state?.data) return false;
  const since = mended.get(mark);
  const changed = since === undefined ? null : changesSince(organizationId, since);
  if (changed === null) await readTop(list, true);
  else
    for (let at = 0; at < changed.length; at += AT_ONCE)
      await mendSome(list, changed.slice(at, at + AT_ONCE));
  mended.set(mark, end);
  return changesEnd(organizationId) > end;
}

async function mendSome(list: List, changed: string[]): Promise<void> {
  const { client, queries, organizationId, source } = list;
  const numbers = await numbersOf(client, queries, organizationId, changed);
  const { rows: found, order } = numbers.length
    ? await readSome(client, queries, organizationId, source, numbers)
    : { rows: [], order: orderIn(queries, organizationId, source) };
  // A page may have come while this was read: written over what is there now, not over what was there before.
  queries.setQueryData<Pages>(listKey(organizationId, source), (old) => {
    if (!old) return old;
    const rows = rowsOf(old);
    const isLast = old.pages.at(-1)?.isLast ?? true;
    return asPages(order ? mend(rows, new Set(changed), found, order, isLast) : inPlace(rows, found), isLast);
  });
}

/** A search keeps what it found: its rows change where they stand. */
function inPlace(rows: TicketRow[], found: TicketRow[]): TicketRow[] {
  const fresh = new Map(found.map((each) => [each.id, each]));
  return rows.map((row) => {
    const next = fresh.get(row.id);
    return next ? { ...next, snippet: row.snippet, rank: row.rank } : row;
  });
}

async function numbersOf(
  client: Client,
  queries: QueryClient,
  organizationId: string,
  ids: string[],
): Promise<number[]> {
  const wanted = new Set(ids);
  const known = new Map<string, number>();
  for (const [, pages] of queries.getQueriesData<Pages>({ queryKey: ["ticket-list", organizationId] }))
    for (const row of rowsOf(pages)) if (wanted.has(row.id)) known.set(row.id, row.number);
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) {
    const rows = await ok(
      client.from("tickets").select("id, number").eq("organization_id", organizationId).in("id", unknown),
    );
    for (const row of rows) known.set(row.id, row.number);
  }
  return [...known.values()];
}

/** Reads the first page anew. The others stay as they are, or are read again when somebody comes to them. */
async function readTop({ client, queries, organizationId, source }: List, isAllOld = false): Promise<void> {
  const page = await readPage(client, queries, organizationId, source, null);
  const order = orderIn(queries, organizationId, source);
  queries.setQueryData<Pages>(listKey(organizationId, source), (old) => {
    if (!old || !order || isAllOld) return asPages(page.rows, page.isLast);
    return asPages(
      withTop(rowsOf(old), page.rows, order, page.isLast),
      page.isLast || (old.pages.at(-1)?.isLast ?? true),
    );
  });
}

function orderIn(queries: QueryClient, organizationId: string, source: Source): Order | null {
  if (source.kind === "search") return null;
  const view = queries
    .getQueryData<View[]>(["views", organizationId])
    ?.find((each) => each.id === source.view);
  return source.order ?? (view ? orderOf(view) : null);
}
