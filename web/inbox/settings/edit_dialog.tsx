/** Windows of the settings: one that edits a row, and one that asks before a row is deleted. */
import { Button, Dialog } from "@kit/ui";
import { type ReactNode, useState } from "react";
import { Form, type Saving, useSaving } from "./form";
import styles from "./form.module.css";
import { useSettingsWords } from "./words";

/** Closed by Escape or a press outside while something is not saved, it asks first. */
export function EditDialog({
  title,
  saving,
  isDirty,
  label,
  wide = false,
  onClose,
  children,
}: {
  title: string;
  saving: Saving;
  isDirty: boolean;
  label?: string | undefined;
  wide?: boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  const t = useSettingsWords();
  const [isAsking, setAsking] = useState(false);
  const close = () => (isDirty ? setAsking(true) : onClose());
  return (
    <Dialog title={title} wide={wide} onClose={close}>
      <Form saving={saving} isDirty={isDirty} label={label} onCancel={close}>
        {children}
      </Form>
      {isAsking && (
        <div role="alertdialog" aria-label={t("unsaved")} className={styles.leaving}>
          <p>{t("unsaved")}</p>
          <Button small look="danger" onClick={onClose}>
            {t("discard")}
          </Button>
          <Button small autoFocus onClick={() => setAsking(false)}>
            {t("keepEditing")}
          </Button>
        </div>
      )}
    </Dialog>
  );
}

export function ConfirmDialog({
  title,
  action,
  children,
  onConfirm,
  onClose,
}: {
  title: string;
  action: string;
  children?: ReactNode;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const t = useSettingsWords();
  const saving = useSaving(onConfirm);
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {saving.problem && (
        <p role="alert" className={styles.problem}>
          {saving.problem.text}
        </p>
      )}
      <div className={styles.foot}>
        <Button
          look="danger"
          busy={saving.state === "busy"}
          onClick={async () => {
            if (await saving.run()) onClose();
          }}
        >
          {action}
        </Button>
        <Button look="quiet" autoFocus onClick={onClose}>
          {t("cancel")}
        </Button>
      </div>
    </Dialog>
  );
}
