import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Avatar, Button, Dialog, IconButton, Menu, MenuItem, TextField, useToast } from "@kit/ui";
import { ArrowLeft, Ellipsis } from "lucide-react";
import { type FormEvent, useState } from "react";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { PeoplePicker } from "./people_picker";
import { type Room, useRefreshRooms, useRoomName } from "./room";
import { RoomIcon } from "./room_list";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

type Props = { room: Room; members: { user_id: string }[]; isIn: boolean; onBack: () => void };
const FACES = 5;

export function RoomHead({ room, members, isIn, onBack }: Props) {
  const t = useRoomWords();
  const client = useClient();
  const toast = useToast();
  const refresh = useRefreshRooms();
  const nameOf = useRoomName();
  const { person } = usePeople();
  const { atLeast } = useOrganization();
  const [asks, setAsks] = useState<"name" | "people" | null>(null);
  const name = nameOf(room);
  const attempt = async (write: () => PromiseLike<unknown>, told?: string, back?: () => void) => {
    try {
      await write();
      if (told) toast(told, back ? { action: { label: t("undo"), run: back } } : {});
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void refresh();
  };
  const put = (columns: { name?: string; archived_at?: string | null }) =>
    attempt(() => ok(client.from("rooms").update(columns).eq("id", room.id).select("id").single()));
  const join = () => attempt(() => ok(client.rpc("join_room", { room_id: room.id })));
  const isDirect = room.kind === "direct";
  const close = () => setAsks(null);
  return (
    <header className={styles.head}>
      <div className={styles.back}>
        <IconButton label={t("back")} onClick={onBack}>
          <ArrowLeft className="mirrored" />
        </IconButton>
      </div>
      <RoomIcon room={room} />
      <h2>{name}</h2>
      <span className={styles.faces} aria-hidden>
        {members.slice(0, FACES).map(({ user_id }) => {
          const each = person(user_id);
          return <Avatar key={user_id} name={each.name} url={each.picture} size={22} />;
        })}
      </span>
      <span className={styles.small}>{t("members", { count: members.length })}</span>
      {!isDirect && (isIn || atLeast("manager")) && (
        <Menu
          trigger={
            <IconButton small label={t("more")}>
              <Ellipsis />
            </IconButton>
          }
        >
          {isIn && atLeast("agent") && <MenuItem label={t("addPeople")} onSelect={() => setAsks("people")} />}
          {atLeast("manager") && <MenuItem label={t("rename")} onSelect={() => setAsks("name")} />}
          {atLeast("manager") && (
            <MenuItem
              label={room.archived_at ? t("unarchive") : t("archive")}
              onSelect={() => void put({ archived_at: room.archived_at ? null : new Date().toISOString() })}
            />
          )}
          {isIn && (
            <MenuItem
              label={t("leave")}
              onSelect={() =>
                void attempt(
                  () => ok(client.rpc("leave_room", { room_id: room.id })),
                  t("left", { room: name }),
                  // A closed room lets nobody back in by themselves.
                  room.kind === "open" ? () => void join() : undefined,
                )
              }
            />
          )}
        </Menu>
      )}
      {asks === "name" && (
        <Rename name={room.name} onClose={close} onName={(next) => void put({ name: next })} />
      )}
      {asks === "people" && (
        <AddPeople
          except={members.map(({ user_id }) => user_id)}
          onClose={close}
          onAdd={(ids) =>
            void attempt(async () => {
              for (const user_id of ids) await ok(client.rpc("join_room", { room_id: room.id, user_id }));
            })
          }
        />
      )}
    </header>
  );
}

function Rename({
  name,
  onClose,
  onName,
}: {
  name: string;
  onClose: () => void;
  onName: (name: string) => void;
}) {
  const t = useRoomWords();
  const [next, setNext] = useState(name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onName(next.trim());
    onClose();
  };
  return (
    <Dialog title={t("rename")} onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <TextField
          label={t("name")}
          value={next}
          maxLength={100}
          required
          onChange={({ target }) => setNext(target.value)}
        />
        <div className={styles.end}>
          <Button look="primary" type="submit">
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

type AddProps = { except: string[]; onClose: () => void; onAdd: (ids: string[]) => void };

function AddPeople({ except, onClose, onAdd }: AddProps) {
  const t = useRoomWords();
  const [people, setPeople] = useState<string[]>([]);
  return (
    <Dialog title={t("addPeople")} onClose={onClose}>
      <div className={styles.form}>
        <PeoplePicker chosen={people} onChoose={setPeople} except={except} />
        <div className={styles.end}>
          <Button
            look="primary"
            disabled={people.length === 0}
            onClick={() => {
              onAdd(people);
              onClose();
            }}
          >
            {t("addPeople")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
