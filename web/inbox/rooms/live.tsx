/** Hears of what is new in the rooms that the reader is in, wherever they are on the desk. Only ids come; what is shown is
 *  read. After every (re)join it is read again, so nothing that was missed meanwhile stays missed. */
import { useClient } from "@kit/api/client";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useOrganization } from "../shell/organization";
import { useUnread } from "./room";

/** A connection holds a hundred topics; the busiest rooms come first. */
const MOST = 60;

export function RoomsLive() {
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const mine = useUnread().data ?? [];
  const ids = mine
    .slice(0, MOST)
    .map(({ room_id }) => room_id)
    .sort()
    .join(" ");
  useEffect(() => {
    if (!ids) return;
    const channels = ids.split(" ").map((id) => {
      const refresh = () => {
        void queries.invalidateQueries({ queryKey: ["rooms", organization_id] });
        void queries.invalidateQueries({ queryKey: ["room", id] });
      };
      return client
        .channel(`room:${id}`, { config: { private: true } })
        .on("broadcast", { event: "*" }, refresh)
        .subscribe((status) => {
          if (status === "SUBSCRIBED") void queries.invalidateQueries({ queryKey: ["room", id] });
        });
    });
    return () => {
      for (const channel of channels) void client.removeChannel(channel);
    };
  }, [client, queries, organization_id, ids]);
  return null;
}
