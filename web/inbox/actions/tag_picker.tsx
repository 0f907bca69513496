import { Button, Picker } from "@kit/ui";
import { Plus, Tag as TagIcon, X } from "lucide-react";
import { useTags } from "../shell/desk";
import styles from "./actions.module.css";
import type { PickerProps } from "./pickers";
import { useActionWords } from "./words";

/** The ticket's tags, each with a way to take it off, and one more by its name; a name that is new becomes a tag. */
export function TagPicker({ ticket, change, disabled, ...opening }: PickerProps) {
  const t = useActionWords();
  const known = useTags().data ?? [];
  const set = (tags: string[]) => void change({ tags });
  const toggle = (name: string) =>
    set(ticket.tags.includes(name) ? ticket.tags.filter((each) => each !== name) : [...ticket.tags, name]);
  const byId = new Map(known.map((tag) => [tag.id, tag]));
  return (
    <>
      {ticket.tags.map((name) => (
        <TagChip
          key={name}
          name={name}
          color={known.find((tag) => tag.name === name)?.color}
          {...(disabled ? {} : { remove: { label: t("removeTag", { tag: name }), run: () => toggle(name) } })}
        />
      ))}
      {!disabled && (
        <Picker
          {...opening}
          multiple
          label={t("addTags")}
          placeholder={t("findTag")}
          none={t("findTag")}
          trigger={
            <Button small className={styles.chip} aria-label={t("addTags")}>
              {ticket.tags.length ? <Plus aria-hidden /> : <TagIcon aria-hidden />}
              {ticket.tags.length === 0 && <span className={styles.muted}>{t("tags")}</span>}
            </Button>
          }
          choices={known.map((tag) => {
            const above = tag.parent_id ? byId.get(tag.parent_id)?.name : undefined;
            return {
              id: tag.id,
              label: tag.name,
              icon: <Dot color={tag.color} />,
              ...(above ? { hint: above, also: above } : {}),
              checked: ticket.tags.includes(tag.name),
            };
          })}
          onPick={({ label }) => toggle(label)}
          making={{ label: (tag) => t("makeTag", { tag }), make: toggle }}
        />
      )}
    </>
  );
}

export function TagChip({
  name,
  color,
  remove,
}: {
  name: string;
  color: string | undefined;
  remove?: { label: string; run: () => void };
}) {
  return (
    <span className={styles.tag}>
      <Dot color={color} />
      <span>{name}</span>
      {remove ? (
        <button type="button" className={styles.remove} aria-label={remove.label} onClick={remove.run}>
          <X aria-hidden />
        </button>
      ) : (
        <span />
      )}
    </span>
  );
}

/** A tag's colour is the organization's own; without one it has that of a line. */
export function Dot({ color }: { color: string | undefined }) {
  return (
    <span
      className={styles.dot}
      style={color ? ({ "--tag": color } as React.CSSProperties) : undefined}
      aria-hidden
    />
  );
}
