import { Empty, IconButton, Loaded } from "@kit/ui";
import { ArrowLeft, MessagesSquare } from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { NewDirect } from "./new_direct";
import { NewRoom } from "./new_room";
import { useRooms } from "./room";
import { RoomList } from "./room_list";
import { RoomView } from "./room_view";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

export function RoomsPage() {
  const t = useRoomWords();
  const { room: id } = useParams();
  const { slug, atLeast } = useOrganization();
  const navigate = useNavigate();
  const rooms = useRooms();
  const [makes, setMakes] = useState<"room" | "direct" | null>(null);
  const mayWrite = atLeast("agent");
  const group = t("title");
  useCommands(
    mayWrite
      ? [
          { id: "rooms.new", label: t("newRoom"), group, run: () => setMakes("room") },
          { id: "rooms.direct", label: t("newDirect"), keys: "c", group, run: () => setMakes("direct") },
        ]
      : [],
  );
  const go = (room: string) => {
    setMakes(null);
    navigate(`/${slug}/rooms/${room}`);
  };
  return (
    <main className={styles.page} data-open={id ? "room" : "list"}>
      <Loaded query={rooms} lines={8}>
        {(all) => {
          const chosen = all.find((each) => each.id === id);
          return (
            <>
              <RoomList
                rooms={all}
                chosen={id}
                {...(mayWrite
                  ? { onNewRoom: () => setMakes("room"), onNewDirect: () => setMakes("direct") }
                  : {})}
              />
              <div className={styles.room}>
                {chosen ? (
                  <RoomView key={chosen.id} room={chosen} onBack={() => navigate(`/${slug}/rooms`)} />
                ) : id ? (
                  <>
                    <div className={styles.back}>
                      <IconButton label={t("back")} onClick={() => navigate(`/${slug}/rooms`)}>
                        <ArrowLeft className="mirrored" />
                      </IconButton>
                    </div>
                    <Empty title={t("gone")} />
                  </>
                ) : (
                  <Empty title={all.length ? t("choose") : t("noRooms")} icon={<MessagesSquare />}>
                    {all.length ? t("chooseHint") : t("noRoomsHint")}
                  </Empty>
                )}
              </div>
            </>
          );
        }}
      </Loaded>
      {makes === "room" && <NewRoom onClose={() => setMakes(null)} onMade={go} />}
      {makes === "direct" && <NewDirect onClose={() => setMakes(null)} onMade={go} />}
    </main>
  );
}
