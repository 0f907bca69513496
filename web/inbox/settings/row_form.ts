/** The form of one row: what is written, and how it is made or changed. */
import type { Row } from "@kit/api/client";
import { useToast } from "@kit/ui";
import { type Draft, type Saving, useDraft, useSaving } from "./form";
import { type Insert, type Key, type TableName, useTable } from "./rows";
import { useSettingsWords } from "./words";

type Options<T extends TableName> = {
  table: T;
  /** Null: a new one. */
  row: Row<T> | null;
  /** What a new one begins with. Its columns are those of the form. */
  fresh: Partial<Row<T>>;
  keyOf?: (row: Row<T>) => Key;
  /** What has to be done first. */
  before?: (value: Row<T>) => Promise<unknown>;
  /** What stands in other tables, once the row is there. */
  after?: (row: Row<T>) => Promise<unknown>;
  onSaved: () => void;
};

export function useRowForm<T extends TableName>(options: Options<T>): Draft<Row<T>> & { saving: Saving } {
  const { table, row, fresh, before, after, onSaved } = options;
  const keyOf = options.keyOf ?? ((found: Row<T>) => ({ id: (found as { id: string }).id }));
  const t = useSettingsWords();
  const toast = useToast();
  const rows = useTable(table);
  const draft = useDraft((row ?? fresh) as Row<T> & object);
  const saving = useSaving(async () => {
    await before?.(draft.value);
    let kept: Row<T>;
    if (row) {
      if (draft.isDirty) await rows.change(keyOf(row), draft.changes as Partial<Insert<T>>);
      kept = { ...(row as object), ...(draft.changes as object) } as Row<T>;
    } else kept = await rows.add(draft.value as unknown as Insert<T>);
    await after?.(kept);
    toast(t("saved"));
    onSaved();
  }, Object.keys(fresh));
  return { ...draft, saving };
}
