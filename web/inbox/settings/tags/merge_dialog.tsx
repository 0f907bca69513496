import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Select } from "@kit/ui";
import { useState } from "react";
import { EditDialog } from "../edit_dialog";
import { useSaving } from "../form";
import { useTable } from "../rows";
import type { TagRow } from "./page";
import { treeOf } from "./tree";
import { useTagWords } from "./words";

export function MergeDialog({ tag, all, onClose }: { tag: TagRow; all: TagRow[]; onClose: () => void }) {
  const t = useTagWords();
  const client = useClient();
  const table = useTable("tags");
  const [into, setInto] = useState("");
  const saving = useSaving(async () => {
    await ok(client.rpc("merge_tags", { tag_id: tag.id, into_tag_id: into }));
    await table.changed();
    onClose();
  });
  return (
    <EditDialog
      title={t("mergeTitle", { name: tag.name })}
      saving={saving}
      isDirty={into !== ""}
      label={t("doMerge")}
      onClose={onClose}
    >
      <p>{t("mergeText", { name: tag.name })}</p>
      <Select label={t("into")} required value={into} onChange={(event) => setInto(event.target.value)}>
        <option value="">{t("choose")}</option>
        {treeOf(all)
          .filter((place) => place.tag.id !== tag.id)
          .map(({ tag: place, depth }) => (
            <option key={place.id} value={place.id}>
              {"\u2003".repeat(depth)}
              {place.name}
            </option>
          ))}
      </Select>
    </EditDialog>
  );
}
