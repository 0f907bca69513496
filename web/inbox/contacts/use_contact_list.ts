/** Contacts for a list: all of them, the newest first and page by page; or those that a search finds. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useMemo } from "react";
import { useOrganization } from "../shell/organization";

export type Found = Pick<Row<"contacts">, "id" | "name" | "email" | "phone"> & {
  company: { name: string } | null;
};
const COLUMNS = "id, name, email, phone, company:companies(name)";
const PAGE = 60;
/** A search gives its best at once; who is not among them is found by another word. */
const BEST = 100;

export function useContactList(typed: string, companyId?: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  const query = useDeferredValue(typed);
  const pages = useInfiniteQuery({
    queryKey: ["contacts", organization_id, "list", query, companyId ?? null],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam: after }) => {
      if (query)
        return (await ok(
          client.rpc("search_contacts", { organization_id, query, max_contacts: BEST }).select(COLUMNS),
        )) as unknown as Found[];
      let rows = client
        .from("contacts")
        .select(COLUMNS)
        .eq("organization_id", organization_id)
        .is("merged_into", null)
        .is("erased_at", null)
        .order("id", { ascending: false })
        .limit(PAGE);
      if (companyId) rows = rows.eq("company_id", companyId);
      if (after) rows = rows.lt("id", after);
      return (await ok(rows)) as unknown as Found[];
    },
    getNextPageParam: (last) => (!query && last.length === PAGE ? last.at(-1)?.id : null),
  });
  const rows = useMemo(() => pages.data?.pages.flat() ?? [], [pages.data]);
  return { ...pages, rows, isSearch: query !== "" };
}
