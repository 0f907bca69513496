/** Status, priority and category: one of a few, chosen by typing or pointing. */
import { Button, Picker } from "@kit/ui";
import { Folder } from "lucide-react";
import { useCategories, useStatuses } from "../shell/desk";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import type { Change } from "./change";
import { PriorityIcon, StatusIcon } from "./icons";
import { useActionWords } from "./words";

export const PRIORITIES = ["urgent", "high", "normal", "low"] as const;

/** `open` is kept above, where the key is that opens it. */
export type PickerProps = {
  ticket: Ticket;
  change: Change;
  open: boolean;
  onOpen: (open: boolean) => void;
  disabled: boolean;
};

export function StatusPicker({ ticket, change, disabled, ...opening }: PickerProps) {
  const t = useActionWords();
  const statuses = useStatuses().data ?? [];
  const name = statuses.find(({ key }) => key === ticket.status)?.name ?? ticket.status;
  return (
    <Picker
      {...opening}
      label={t("setStatus")}
      placeholder={t("findStatus")}
      none={t("findStatus")}
      trigger={
        <Button small className={styles.chip} disabled={disabled} aria-label={t("status", { status: name })}>
          <StatusIcon category={ticket.status_category} />
          <span>{name}</span>
        </Button>
      }
      choices={statuses.map((each) => ({
        id: each.key,
        label: each.name,
        icon: <StatusIcon category={each.category} />,
        checked: each.key === ticket.status,
      }))}
      onPick={({ id, label }) => {
        if (id === ticket.status) return;
        void change(
          { status: id },
          {
            told: t("statusSet", { number: ticket.number, status: label }),
            shown: { status_category: statuses.find(({ key }) => key === id)?.category ?? "open" },
          },
        );
      }}
    />
  );
}

export function PriorityPicker({ ticket, change, disabled, ...opening }: PickerProps) {
  const t = useActionWords();
  return (
    <Picker
      {...opening}
      label={t("setPriority")}
      placeholder={t("findPriority")}
      none={t("findPriority")}
      trigger={
        <Button
          small
          className={styles.chip}
          disabled={disabled}
          aria-label={t("priority", { priority: t(ticket.priority) })}
        >
          <PriorityIcon priority={ticket.priority} />
          <span>{t(ticket.priority)}</span>
        </Button>
      }
      choices={PRIORITIES.map((each) => ({
        id: each,
        label: t(each),
        icon: <PriorityIcon priority={each} />,
        checked: each === ticket.priority,
      }))}
      onPick={({ id, label }) => {
        const priority = PRIORITIES.find((each) => each === id);
        if (priority && priority !== ticket.priority)
          void change({ priority }, { told: t("prioritySet", { priority: label }) });
      }}
    />
  );
}

const NONE = "none";

export function CategoryPicker({ ticket, change, disabled, ...opening }: PickerProps) {
  const t = useActionWords();
  const categories = useCategories().data ?? [];
  const name = ticket.category?.name ?? t("noCategory");
  return (
    <Picker
      {...opening}
      label={t("setCategory")}
      placeholder={t("findCategory")}
      none={t("findCategory")}
      trigger={
        <Button
          small
          className={styles.chip}
          disabled={disabled}
          aria-label={t("category", { category: name })}
        >
          <Folder aria-hidden />
          <span className={ticket.category ? undefined : styles.muted}>{name}</span>
        </Button>
      }
      choices={[
        ...categories.map(({ id, name }) => ({ id, label: name, checked: id === ticket.category_id })),
        { id: NONE, label: t("noCategory"), checked: ticket.category_id === null },
      ]}
      onPick={({ id, label }) => {
        const category = id === NONE ? null : { id, name: label };
        if ((category?.id ?? null) === ticket.category_id) return;
        void change(
          { category_id: category?.id ?? null },
          { told: t("categorySet", { category: label }), shown: { category } },
        );
      }}
    />
  );
}
