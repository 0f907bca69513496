import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Button } from "@kit/ui";
import { useEffect, useState } from "react";
import { useOrganization } from "../shell/organization";
import { useMessages } from "./messages";
import { type Room, useRefreshRooms, useRoomMembers } from "./room";
import { RoomHead } from "./room_head";
import styles from "./rooms.module.css";
import { Talk } from "./talk";
import { useRoomWords } from "./words";
import { WriteBox } from "./write_box";

/** One room: who is in it, what was said, and saying something. */
export function RoomView({ room, onBack }: { room: Room; onBack: () => void }) {
  const t = useRoomWords();
  const client = useClient();
  const me = useUser();
  const { atLeast } = useOrganization();
  const refresh = useRefreshRooms();
  const members = useRoomMembers(room.id);
  const mine = members.data?.find(({ user_id }) => user_id === me.id);
  const messages = useMessages(room.id);
  // Where the reader was when they came: what is below it is new to them, until they leave.
  const [cameAt, setCameAt] = useState<number | null>(null);
  if (cameAt === null && mine) setCameAt(mine.read_seq);
  const newest = messages.data?.pages[0]?.[0]?.seq ?? 0;
  const readSeq = mine?.read_seq;
  useEffect(() => {
    if (readSeq === undefined || newest <= readSeq) return;
    const read = () => {
      if (document.visibilityState !== "visible") return;
      void ok(client.rpc("read_room", { room_id: room.id, seq: newest })).then(refresh, () => {});
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [client, room.id, newest, readSeq, refresh]);
  const join = () => void ok(client.rpc("join_room", { room_id: room.id })).then(refresh, () => {});
  const isOut = members.data !== undefined && !mine;
  return (
    <>
      <RoomHead room={room} members={members.data ?? []} isIn={mine !== undefined} onBack={onBack} />
      <Talk room={room} messages={messages} cameAt={cameAt} />
      {room.archived_at ? (
        <p className={styles.bottom}>{t("isArchived")}</p>
      ) : (
        <>
          {isOut && (
            <p className={styles.bottom}>
              {t("joinHint")}{" "}
              <Button small onClick={join}>
                {t("join")}
              </Button>
            </p>
          )}
          {atLeast("agent") && <WriteBox room={room} />}
        </>
      )}
    </>
  );
}
