/** What was said in a room, page by page from the end; and what is being said. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRefreshRooms } from "./room";

export type Said = Pick<
  Row<"room_messages">,
  "id" | "seq" | "user_id" | "body" | "edited_at" | "deleted_at" | "created_at"
>;
/** Said here and not yet by the desk; `problem` where it was refused. */
export type Pending = { key: string; body: string; at: string; problem: string | null };

const PAGE = 50;

export function useMessages(roomId: string) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: ["room", roomId, "messages"],
    staleTime: 5_000,
    initialPageParam: null as number | null,
    queryFn: ({ pageParam: before }): Promise<Said[]> => {
      const rows = client
        .from("room_messages")
        .select("id, seq, user_id, body, edited_at, deleted_at, created_at")
        .eq("room_id", roomId)
        .order("seq", { ascending: false })
        .limit(PAGE);
      return ok(before === null ? rows : rows.lt("seq", before));
    },
    getNextPageParam: (last) => (last.length === PAGE ? last.at(-1)?.seq : null),
  });
}

const pendingKey = (roomId: string) => ["pending-said", roomId];

export function usePending(roomId: string): Pending[] {
  const { data } = useQuery<Pending[]>({
    queryKey: pendingKey(roomId),
    queryFn: () => [],
    enabled: false,
    gcTime: Number.POSITIVE_INFINITY,
    initialData: [],
  });
  return data;
}

/** Says it at once on the screen, and keeps it there where the desk cannot be told. */
export function useSay(roomId: string) {
  const client = useClient();
  const queries = useQueryClient();
  const refreshRooms = useRefreshRooms();
  const set = (change: (all: Pending[]) => Pending[]) =>
    queries.setQueryData<Pending[]>(pendingKey(roomId), (all = []) => change(all));
  const drop = (key: string) => set((all) => all.filter((each) => each.key !== key));
  const deliver = async (pending: Pending) => {
    try {
      await ok(client.rpc("say_in_room", { room_id: roomId, body: pending.body }));
      await queries.invalidateQueries({ queryKey: ["room", roomId] });
      drop(pending.key);
      void refreshRooms();
    } catch (error) {
      const problem = problemOf(error).message;
      set((all) => all.map((each) => (each.key === pending.key ? { ...each, problem } : each)));
    }
  };
  return {
    say: (body: string) => {
      const pending = { key: crypto.randomUUID(), body, at: new Date().toISOString(), problem: null };
      set((all) => [...all, pending]);
      void deliver(pending);
    },
    again: (pending: Pending) => {
      set((all) => all.map((each) => (each.key === pending.key ? { ...each, problem: null } : each)));
      void deliver(pending);
    },
    drop,
  };
}
