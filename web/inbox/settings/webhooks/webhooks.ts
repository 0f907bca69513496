/** Endpoints, how they are doing, and what was told to them. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

export type Endpoint = Row<"webhook_endpoints">;
export type Delivery = Row<"webhook_deliveries">;
export type Attempt = Row<"webhook_attempts">;
export type Health = Pick<
  Row<"webhook_health">,
  "endpoint_id" | "failures" | "failing_since" | "last_success_at" | "paused_until" | "paused_because"
>;

const PAGE = 30;
/** No event tells of a delivery: while some wait they are looked at often, else now and then. */
const SOON_MS = 1_500;
const LATER_MS = 15_000;

export function useHealth() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["webhook_health", organization_id],
    refetchInterval: LATER_MS,
    queryFn: () =>
      ok(
        client
          .from("webhook_health")
          .select("endpoint_id, failures, failing_since, last_success_at, paused_until, paused_because")
          .eq("organization_id", organization_id),
      ) as Promise<Health[]>,
  });
}

export function useDeliveries(endpointId: string, state: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useInfiniteQuery({
    queryKey: ["webhook_deliveries", organization_id, endpointId, state],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam: last }): Promise<Delivery[]> => {
      let query = client.from("webhook_deliveries").select().eq("organization_id", organization_id);
      if (endpointId) query = query.eq("endpoint_id", endpointId);
      if (state) query = query.eq("state", state as Delivery["state"]);
      if (last) query = query.lt("id", last);
      return ok(query.order("id", { ascending: false }).limit(PAGE));
    },
    getNextPageParam: (page) => (page.length === PAGE ? (page.at(-1)?.id ?? null) : null),
    refetchInterval: ({ state: { data } }) =>
      data?.pages.some((page) => page.some((each) => each.state === "waiting")) ? SOON_MS : LATER_MS,
  });
}

export function useAttempts(delivery: Delivery) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["webhook_attempts", delivery.id, delivery.tries, delivery.state],
    queryFn: () =>
      ok(
        client
          .from("webhook_attempts")
          .select()
          .eq("organization_id", organization_id)
          .eq("delivery_id", delivery.id)
          .order("id", { ascending: false })
          .limit(100),
      ),
  });
}

export function useDeliveriesChanged() {
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return () =>
    Promise.all(
      ["webhook_deliveries", "webhook_health"].map((name) =>
        queries.invalidateQueries({ queryKey: [name, organization_id] }),
      ),
    );
}

/** The types of events by what they are about: the word before the first point. */
export function useEventTypes() {
  const client = useClient();
  return useQuery({
    queryKey: ["event-types"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      const types = await ok(client.rpc("event_types"));
      const groups = new Map<string, { type: string; happens: string }[]>();
      for (const { type, happens } of types) {
        const noun = type.split(".")[0] ?? type;
        groups.set(noun, [...(groups.get(noun) ?? []), { type, happens }]);
      }
      return [...groups];
    },
  });
}
