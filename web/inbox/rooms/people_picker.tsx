import { useUser } from "@kit/api/session";
import { Avatar, Button, Picker } from "@kit/ui";
import { Plus } from "lucide-react";
import { useState } from "react";
import { TagChip } from "../actions/tag_picker";
import { usePeople } from "../shell/desk";
import styles from "./rooms.module.css";
import { useRoomWords } from "./words";

/** Colleagues, several of them. `except`: who is in already. */
export function PeoplePicker({
  chosen,
  onChoose,
  except = [],
}: {
  chosen: string[];
  onChoose: (ids: string[]) => void;
  except?: string[];
}) {
  const t = useRoomWords();
  const me = useUser();
  const { members, person } = usePeople();
  const [open, setOpen] = useState(false);
  const toggle = (id: string) =>
    onChoose(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return (
    <div className={styles.chips}>
      {chosen.map((id) => {
        const { name } = person(id);
        return (
          <TagChip key={id} name={name} color={undefined} remove={{ label: name, run: () => toggle(id) }} />
        );
      })}
      <Picker
        open={open}
        onOpen={setOpen}
        multiple
        label={t("people")}
        placeholder={t("findPeople")}
        none={t("nobodyFound")}
        trigger={
          <Button small>
            <Plus size={15} aria-hidden /> {t("addPeople")}
          </Button>
        }
        choices={members
          .filter(({ id }) => id !== me.id && !except.includes(id))
          .map(({ id, name, picture }) => ({
            id,
            label: name,
            icon: <Avatar name={name} url={picture} size={20} />,
            checked: chosen.includes(id),
          }))}
        onPick={({ id }) => toggle(id)}
      />
    </div>
  );
}
