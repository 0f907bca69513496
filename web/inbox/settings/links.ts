/** Who belongs to what: rows that only link two others, such as a team and its members. */
import type { Row } from "@kit/api/client";
import { useState } from "react";
import { type Insert, type Key, type TableName, useRows, useTable } from "./rows";

/** The `other` ends of the links whose `end` is `id`, as they are chosen in a form; `save` writes the difference. */
export function useLinks<T extends TableName>(
  table: T,
  end: keyof Row<T> & string,
  other: keyof Row<T> & string,
  id: string | undefined,
) {
  const rows = useRows(table, [other]);
  const { addMany, remove } = useTable(table);
  const [written, setWritten] = useState<string[] | null>(null);
  const kept = (rows.data ?? [])
    .filter((row) => id !== undefined && row[end] === id)
    .map((row) => String(row[other]));
  const chosen = written ?? kept;
  return {
    chosen,
    set: setWritten,
    isDirty: written !== null && [...written].sort().join() !== [...kept].sort().join(),
    /** `owner`: the id, which a new row has only now. */
    save: async (owner: string) => {
      if (written === null) return;
      const added = written.filter((each) => !kept.includes(each));
      await addMany(added.map((each) => ({ [end]: owner, [other]: each }) as unknown as Insert<T>));
      for (const each of kept.filter((old) => !written.includes(old)))
        await remove({ [end]: owner, [other]: each } as Key);
    },
  };
}
