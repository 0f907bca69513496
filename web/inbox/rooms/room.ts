/** Rooms: which there are, whose they are, what is new in each. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { useRoomWords } from "./words";

export type Room = Pick<Row<"rooms">, "id" | "kind" | "name" | "between_users" | "archived_at" | "last_seq">;
/** Whoever is let into a room hears of it by this. */
const ASK_MS = 30_000;
const MOST = 500;

export function useRooms() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["rooms", organization_id, "list"],
    refetchInterval: ASK_MS,
    queryFn: (): Promise<Room[]> =>
      ok(
        client
          .from("rooms")
          .select("id, kind, name, between_users, archived_at, last_seq")
          .eq("organization_id", organization_id)
          .order("name")
          .limit(MOST),
      ),
  });
}

/** Unread messages by room, of those that the reader is in. */
export function useUnread() {
  const client = useClient();
  const { organization_id } = useOrganization();
  const query = useQuery({
    queryKey: ["rooms", organization_id, "unread"],
    refetchInterval: ASK_MS,
    queryFn: () => ok(client.rpc("unread_rooms", { organization_id })),
  });
  const byRoom = new Map(query.data?.map(({ room_id, unread }) => [room_id, unread]));
  return { ...query, byRoom, total: [...byRoom.values()].reduce((sum, count) => sum + count, 0) };
}

export function useRoomMembers(roomId: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["rooms", organization_id, "members", roomId],
    queryFn: () =>
      ok(
        client
          .from("room_members")
          .select("user_id, read_seq")
          .eq("organization_id", organization_id)
          .eq("room_id", roomId),
      ),
  });
}

/** What a room is called: its name, or who is in it beside the reader. */
export function useRoomName(): (room: Room) => string {
  const t = useRoomWords();
  const me = useUser();
  const { person } = usePeople();
  return ({ kind, name, between_users }) => {
    if (kind !== "direct") return name;
    const others = (between_users ?? []).filter((id) => id !== me.id).map((id) => person(id).name);
    return others.length ? others.join(", ") : t("you");
  };
}

/** Lists and members of rooms are read again. */
export function useRefreshRooms() {
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return () => queries.invalidateQueries({ queryKey: ["rooms", organization_id] });
}
