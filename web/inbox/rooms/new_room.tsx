import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Dialog, Select, TextField } from "@kit/ui";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import { PeoplePicker } from "./people_picker";
import { useRefreshRooms } from "./room";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

export function NewRoom({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const t = useRoomWords();
  const client = useClient();
  const refresh = useRefreshRooms();
  const { organization_id } = useOrganization();
  const [name, setName] = useState("");
  const [kind, setKind] = useState("open");
  const [people, setPeople] = useState<string[]>([]);
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const room = await ok(
        client.rpc("open_room", { organization_id, kind, name: name.trim(), user_ids: people }),
      );
      await refresh();
      onMade(room.id);
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <Dialog title={t("newRoom")} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextField
          label={t("name")}
          value={name}
          maxLength={100}
          required
          error={problem}
          onChange={({ target }) => setName(target.value)}
        />
        <Select label={t("kind")} value={kind} onChange={({ target }) => setKind(target.value)}>
          <option value="open">{t("open")}</option>
          <option value="closed">{t("closed")}</option>
        </Select>
        <PeoplePicker chosen={people} onChoose={setPeople} />
        <div className={styles.end}>
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" type="submit">
            {t("make")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
