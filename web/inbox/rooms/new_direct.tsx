import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Dialog } from "@kit/ui";
import { useState } from "react";
import { useOrganization } from "../shell/organization";
import { PeoplePicker } from "./people_picker";
import { useRefreshRooms } from "./room";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

/** The same people have one direct room: it is opened again. */
export function NewDirect({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const t = useRoomWords();
  const client = useClient();
  const refresh = useRefreshRooms();
  const { organization_id } = useOrganization();
  const [people, setPeople] = useState<string[]>([]);
  const [problem, setProblem] = useState("");
  const open = async () => {
    try {
      const room = await ok(client.rpc("open_room", { organization_id, kind: "direct", user_ids: people }));
      await refresh();
      onMade(room.id);
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <Dialog title={t("newDirect")} onClose={onClose}>
      <div className={styles.form}>
        <PeoplePicker chosen={people} onChoose={setPeople} />
        {problem && (
          <p role="alert" className={styles.warning}>
            {problem}
          </p>
        )}
        <div className={styles.end}>
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" disabled={people.length === 0} onClick={() => void open()}>
            {t("write")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
