/** Rows of a table as a list: each opens to be edited, may be deleted, and moved where their order counts. */
import { Button, Empty, IconButton, Loaded, Menu, MenuItem, SortableList, useToast } from "@kit/ui";
import { Ellipsis, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ConfirmDialog } from "./edit_dialog";
import { PageFrame } from "./frame";
import { explain } from "./problems";
import styles from "./records.module.css";
import { useSettingsWords } from "./words";

type Query<T> = { data: T | undefined; error: unknown; refetch: () => unknown };
export type MoreAction<T> = { label: string; run: (row: T) => void; shownFor?: (row: T) => boolean };

type Props<T> = {
  title: string;
  intro?: ReactNode;
  query: Query<T[]>;
  keyOf: (row: T) => string;
  nameOf: (row: T) => string;
  /** Beneath the name. */
  about?: (row: T) => ReactNode;
  /** At the end of the line. */
  aside?: (row: T) => ReactNode;
  before?: (row: T) => ReactNode;
  mayEdit?: boolean;
  addLabel: string;
  empty: string;
  emptyHint?: string;
  /** The window that edits a row; null: a new one. */
  editor: (row: T | null, close: () => void) => ReactNode;
  remove?: (row: T) => Promise<unknown>;
  removeText?: string;
  /** Rows in their new order; each has to be given its place. */
  onOrder?: (rows: T[]) => Promise<unknown>;
  more?: MoreAction<T>[];
  children?: ReactNode;
};

export function RecordsPage<T>(props: Props<T>) {
  const [edited, setEdited] = useState<{ row: T | null } | null>(null);
  const mayEdit = props.mayEdit ?? true;
  return (
    <PageFrame
      title={props.title}
      intro={props.intro}
      actions={
        mayEdit && (
          <Button look="primary" onClick={() => setEdited({ row: null })}>
            <Plus aria-hidden className={styles.plus} />
            {props.addLabel}
          </Button>
        )
      }
    >
      <Loaded query={props.query} lines={5}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={props.empty}>{props.emptyHint}</Empty>
          ) : (
            <Rows {...props} rows={rows} edit={(row) => setEdited({ row })} mayEdit={mayEdit} />
          )
        }
      </Loaded>
      {props.children}
      {edited && props.editor(edited.row, () => setEdited(null))}
    </PageFrame>
  );
}

function Rows<T>({
  rows,
  keyOf,
  nameOf,
  about,
  aside,
  before,
  edit,
  mayEdit,
  remove,
  removeText,
  onOrder,
  more = [],
}: Props<T> & { rows: T[]; edit: (row: T) => void; mayEdit: boolean }) {
  const t = useSettingsWords();
  const toast = useToast();
  const [removed, setRemoved] = useState<T | null>(null);
  // The order that was asked for, until the rows come back in it.
  const [asked, setAsked] = useState<T[] | null>(null);
  const order = async (next: T[]) => {
    setAsked(next);
    try {
      await onOrder?.(next);
    } catch (error) {
      toast(explain(error, [], t).text, { tone: "danger" });
    } finally {
      setAsked(null);
    }
  };
  return (
    <>
      <SortableList
        className={styles.list}
        items={asked ?? rows}
        keyOf={keyOf}
        nameOf={nameOf}
        onOrder={onOrder && mayEdit ? (next) => void order(next) : undefined}
      >
        {(row) => (
          <div className={styles.row}>
            {before?.(row)}
            <div className={styles.what}>
              {mayEdit ? (
                <button type="button" className={styles.name} onClick={() => edit(row)}>
                  {nameOf(row)}
                </button>
              ) : (
                <span className={styles.name}>{nameOf(row)}</span>
              )}
              {about && <div className={styles.about}>{about(row)}</div>}
            </div>
            <div className={styles.aside}>{aside?.(row)}</div>
            {mayEdit && (
              <Menu
                trigger={
                  <IconButton label={t("moreOf", { name: nameOf(row) })}>
                    <Ellipsis />
                  </IconButton>
                }
              >
                <MenuItem label={t("edit")} onSelect={() => edit(row)} />
                {more
                  .filter(({ shownFor }) => shownFor?.(row) ?? true)
                  .map(({ label, run }) => (
                    <MenuItem key={label} label={label} onSelect={() => run(row)} />
                  ))}
                {remove && <MenuItem label={t("delete")} danger onSelect={() => setRemoved(row)} />}
              </Menu>
            )}
          </div>
        )}
      </SortableList>
      {removed && remove && (
        <ConfirmDialog
          title={t("deleteTitle", { name: nameOf(removed) })}
          action={t("delete")}
          onConfirm={() => remove(removed)}
          onClose={() => setRemoved(null)}
        >
          <p>{removeText ?? t("deleteText")}</p>
        </ConfirmDialog>
      )}
    </>
  );
}
