/** What a member should know of: read page by page, live by their own topic. */
import { type Client, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useToast } from "@kit/ui";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { useOrganization } from "../shell/organization";
import { useNotificationWords } from "./words";

export type Notification = {
  id: string;
  kind: string;
  ticket_id: string | null;
  actor_id: string | null;
  count: number;
  at: string;
  read_at: string | null;
  ticket: { number: number; subject: string } | null;
};

const COLUMNS =
  "id, kind, ticket_id, actor_id, count, at, read_at, ticket:tickets!notifications_organization_id_ticket_id_fkey(number, subject)";
const PAGE = 20;
const key = (organizationId: string) => ["notifications", organizationId];

export function useNotificationCounts() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: [...key(organization_id), "counts"],
    queryFn: async () => {
      const counts = await ok(client.rpc("notification_counts", { organization_id }));
      return counts[0] ?? { unread: 0, unseen: 0 };
    },
  });
}

export function useNotifications() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useInfiniteQuery({
    queryKey: [...key(organization_id), "list"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => readPage(client, organization_id, pageParam),
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.at),
  });
}

async function readPage(client: Client, organizationId: string, before: string | null) {
  const query = client
    .from("notifications")
    .select(COLUMNS)
    .eq("organization_id", organizationId)
    .eq("in_app", true)
    .order("at", { ascending: false })
    .limit(PAGE);
  return (await ok(before ? query.lt("at", before) : query)) as unknown as Notification[];
}

/** Marks what is unread as read: one by its id, or all. And all that is new as seen. */
export function useMarking() {
  const t = useNotificationWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const mark = useCallback(
    async (column: "read_at" | "seen_at", id?: string) => {
      const now = new Date().toISOString();
      const change = client
        .from("notifications")
        .update(column === "read_at" ? { read_at: now } : { seen_at: now })
        .eq("organization_id", organization_id)
        .is(column, null);
      try {
        await ok(id ? change.eq("id", id) : change);
      } catch (error) {
        toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
      }
      void queries.invalidateQueries({ queryKey: key(organization_id) });
    },
    [client, queries, toast, t, organization_id],
  );
  return {
    read: useCallback((id?: string) => mark("read_at", id), [mark]),
    seen: useCallback(() => mark("seen_at"), [mark]),
  };
}

/** Hears of new ones at once. */
export function useLiveNotifications(): void {
  const client = useClient();
  const queries = useQueryClient();
  const me = useUser();
  const { organization_id } = useOrganization();
  useEffect(() => {
    const refresh = () => void queries.invalidateQueries({ queryKey: key(organization_id) });
    const channel = client
      .channel(`member:${me.id}`, { config: { private: true } })
      .on("broadcast", { event: "notifications" }, refresh)
      // After each joining: what came before it nobody has told of.
      .subscribe((status) => status === "SUBSCRIBED" && refresh());
    return () => void client.removeChannel(channel);
  }, [client, queries, me.id, organization_id]);
}
