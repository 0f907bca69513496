import type { Row } from "@kit/api/client";
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useMemo, useState } from "react";
import { useOrganization } from "../../shell/organization";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { MergeDialog } from "./merge_dialog";
import { TagEditor } from "./tag_editor";
import styles from "./tags.module.css";
import { treeOf } from "./tree";
import { useTagWords } from "./words";

export type TagRow = Row<"tags">;

export function Page() {
  const t = useTagWords();
  const ts = useSettingsWords();
  const client = useClient();
  const { atLeast } = useOrganization();
  const tags = useRows("tags", ["name"]);
  const table = useTable("tags");
  const [merged, setMerged] = useState<TagRow | null>(null);
  const [above, setAbove] = useState<TagRow | null>(null);
  const placed = useMemo(() => (tags.data ? treeOf(tags.data) : undefined), [tags.data]);
  const depths = useMemo(() => new Map(placed?.map(({ tag, depth }) => [tag.id, depth])), [placed]);
  const isManager = atLeast("manager");
  return (
    <RecordsPage<TagRow>
      title={ts("tags")}
      intro={t("intro")}
      query={{ ...tags, data: placed?.map(({ tag }) => tag) }}
      keyOf={(tag) => tag.id}
      nameOf={(tag) => tag.name}
      before={(tag) => (
        <span
          aria-hidden
          className={styles.mark}
          style={{ background: tag.color, marginInlineStart: `${(depths.get(tag.id) ?? 0) * 1.5}rem` }}
        />
      )}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(tag, close) => <TagEditor tag={tag} parentId={null} all={tags.data ?? []} onClose={close} />}
      more={[
        { label: t("addBelow"), run: setAbove },
        ...(isManager ? [{ label: t("merge"), run: setMerged }] : []),
      ]}
      {...(isManager
        ? {
            remove: async (tag: TagRow) => {
              await ok(client.rpc("delete_tag", { tag_id: tag.id }));
              await table.changed();
            },
          }
        : {})}
      removeText={t("deleteText")}
    >
      {merged && <MergeDialog tag={merged} all={tags.data ?? []} onClose={() => setMerged(null)} />}
      {above && (
        <TagEditor tag={null} parentId={above.id} all={tags.data ?? []} onClose={() => setAbove(null)} />
      )}
    </RecordsPage>
  );
}
