import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Select, TextField, useToast } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { useDraft, useSaving } from "../form";
import { useTable } from "../rows";
import { useSettingsWords } from "../words";
import type { TagRow } from "./page";
import styles from "./tags.module.css";
import { placesFor } from "./tree";
import { useTagWords } from "./words";

const COLORS = [
  "#8a8f98",
  "#c0392b",
  "#d35400",
  "#b7950b",
  "#1e8449",
  "#148f77",
  "#2471a3",
  "#6c3483",
  "#ad1457",
];

export function TagEditor({
  tag,
  parentId,
  all,
  onClose,
}: {
  tag: TagRow | null;
  /** Of a new one. */
  parentId: string | null;
  all: TagRow[];
  onClose: () => void;
}) {
  const t = useTagWords();
  const ts = useSettingsWords();
  const client = useClient();
  const toast = useToast();
  const table = useTable("tags");
  const fresh = { name: "", color: COLORS[0] as string, parent_id: parentId };
  const { value, changes, set, isDirty } = useDraft(tag ?? fresh);
  const saving = useSaving(async () => {
    const { parent_id, ...columns } = changes;
    if (!tag) await table.add({ name: value.name.trim(), color: value.color, parent_id: value.parent_id });
    else {
      if (Object.keys(columns).length > 0) await table.change({ id: tag.id }, columns);
      if (parent_id !== undefined) {
        // Null is a place too: the top.
        const place = { tag_id: tag.id, parent_id: parent_id as string };
        await ok(client.rpc("move_tag", place));
        await table.changed();
      }
    }
    toast(ts("saved"));
    onClose();
  }, ["name", "color", "parent_id"]);
  return (
    <EditDialog title={tag ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={ts("name")}
        hint={tag ? t("renameHint") : undefined}
        required
        maxLength={60}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <div className={styles.colors}>
        <TextField
          label={t("color")}
          type="color"
          value={value.color}
          error={saving.at("color")}
          onChange={(event) => set("color", event.target.value)}
        />
        {COLORS.map((color) => (
          <button
            key={color}
            type="button"
            className={styles.swatch}
            style={{ background: color }}
            aria-label={color}
            aria-pressed={value.color === color}
            onClick={() => set("color", color)}
          />
        ))}
      </div>
      <Select
        label={t("parent")}
        value={value.parent_id ?? ""}
        error={saving.at("parent_id")}
        onChange={(event) => set("parent_id", event.target.value || null)}
      >
        <option value="">{t("top")}</option>
        {placesFor(all, tag?.id).map(({ tag: place, depth }) => (
          <option key={place.id} value={place.id}>
            {"\u2003".repeat(depth)}
            {place.name}
          </option>
        ))}
      </Select>
    </EditDialog>
  );
}
