/** Which list is looked at: said by the address, so that it can be sent, kept, and gone back to.
 *
 *      /<slug>/view/<view id>/<ticket's number>?sort=-priority     a view; without a view, the first one
 *      /<slug>/search/<ticket's number>?q=<words>                  what has been searched for
 */
import { useMemo } from "react";
import { useMatch, useParams, useSearchParams } from "react-router";
import { useOrganization } from "../shell/organization";
import { type Order, SORTS } from "./order";
import { useViews } from "./views";

export type Source = { kind: "view"; view: string; order: Order | null } | { kind: "search"; query: string };

export type CurrentList = {
  source: Source | null;
  /** The open ticket's number. */
  number: number | undefined;
  /** The address of a ticket in this list; of the list itself without one. */
  pathOf: (number?: number) => string;
};

export function useCurrentList(): CurrentList {
  const { view, number } = useParams();
  const { slug } = useOrganization();
  const isSearch = useMatch("/:slug/search/*") !== null;
  const [params] = useSearchParams();
  const first = useViews().data?.[0]?.id;
  const open = number ? Number(number) : undefined;
  const query = params.get("q") ?? "";
  const sort = params.get("sort");
  const tail = params.size ? `?${params}` : "";
  return useMemo(() => {
    const viewId = view ?? first;
    const base = isSearch ? `/${slug}/search` : viewId ? `/${slug}/view/${viewId}` : `/${slug}`;
    const source: Source | null = isSearch
      ? { kind: "search", query }
      : viewId
        ? { kind: "view", view: viewId, order: readOrder(sort) }
        : null;
    return { source, number: open, pathOf: (to) => `${base}${to ? `/${to}` : ""}${tail}` };
  }, [view, first, isSearch, query, sort, tail, slug, open]);
}

/** "-priority": the most urgent first. */
export function readOrder(text: string | null): Order | null {
  const sort = SORTS.find((each) => each === text?.replace(/^-/, ""));
  return sort ? { sort, ascending: !text?.startsWith("-") } : null;
}

export const writeOrder = ({ sort, ascending }: Order): string => `${ascending ? "" : "-"}${sort}`;
