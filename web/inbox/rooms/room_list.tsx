import { useUser } from "@kit/api/session";
import { Avatar, IconButton } from "@kit/ui";
import { Hash, Lock, Plus, UsersRound } from "lucide-react";
import { Link } from "react-router";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { type Room, useRoomName, useUnread } from "./room";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

type Props = {
  rooms: Room[];
  chosen: string | undefined;
  onNewRoom?: () => void;
  onNewDirect?: () => void;
};

/** The reader's rooms, whom they write with, and the rooms that they could join. */
export function RoomList({ rooms, chosen, onNewRoom, onNewDirect }: Props) {
  const t = useRoomWords();
  const { byRoom } = useUnread();
  const isMine = ({ id }: Room) => byRoom.has(id);
  const there = rooms.filter(({ archived_at }) => archived_at === null);
  const mine = there.filter((room) => room.kind !== "direct" && isMine(room));
  const direct = there
    .filter((room) => room.kind === "direct")
    .sort(
      (one, other) =>
        (byRoom.get(other.id) ?? 0) - (byRoom.get(one.id) ?? 0) || other.last_seq - one.last_seq,
    );
  const others = there.filter((room) => room.kind !== "direct" && !isMine(room));
  const archived = rooms.filter(({ archived_at }) => archived_at !== null);
  const shared = { chosen, byRoom };
  return (
    <nav className={styles.list} aria-label={t("title")}>
      <h1 className={styles.title}>{t("title")}</h1>
      <Group
        title={t("rooms")}
        rooms={mine}
        {...shared}
        {...(onNewRoom ? { add: { label: t("newRoom"), run: onNewRoom } } : {})}
      />
      <Group
        title={t("direct")}
        rooms={direct}
        {...shared}
        {...(onNewDirect ? { add: { label: t("newDirect"), run: onNewDirect } } : {})}
      />
      {others.length > 0 && <Group title={t("others")} rooms={others} {...shared} />}
      {archived.length > 0 && <Group title={t("archived")} rooms={archived} {...shared} />}
    </nav>
  );
}

type GroupProps = {
  title: string;
  rooms: Room[];
  chosen: string | undefined;
  byRoom: Map<string, number>;
  add?: { label: string; run: () => void };
};

function Group({ title, rooms, chosen, byRoom, add }: GroupProps) {
  const t = useRoomWords();
  const { slug } = useOrganization();
  const nameOf = useRoomName();
  return (
    <section>
      <div className={styles.groupHead}>
        <h2>{title}</h2>
        {add && (
          <IconButton small label={add.label} onClick={add.run}>
            <Plus />
          </IconButton>
        )}
      </div>
      <ul>
        {rooms.map((room) => {
          const unread = room.id === chosen ? 0 : (byRoom.get(room.id) ?? 0);
          return (
            <li key={room.id}>
              <Link
                className={styles.entry}
                to={`/${slug}/rooms/${room.id}`}
                aria-current={room.id === chosen ? "page" : undefined}
                data-unread={unread > 0}
              >
                <RoomIcon room={room} />
                <span>{nameOf(room)}</span>
                {unread > 0 && (
                  <span className={styles.count}>
                    <span aria-hidden>{unread > 99 ? "99+" : unread}</span>
                    <span className="visually-hidden">{t("unread", { count: unread })}</span>
                  </span>
                )}
              </Link>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

export function RoomIcon({ room }: { room: Room }) {
  const me = useUser();
  const { person } = usePeople();
  if (room.kind === "closed") return <Lock size={16} aria-hidden />;
  if (room.kind === "open") return <Hash size={16} aria-hidden />;
  const others = (room.between_users ?? []).filter((id) => id !== me.id);
  if (others.length > 1) return <UsersRound size={16} aria-hidden />;
  const { name, picture } = person(others[0] ?? me.id);
  return <Avatar name={name} url={picture} size={20} />;
}
