/** A secret that is shown this once: whoever closes the window has kept it, or makes another. */
import { Button, Dialog } from "@kit/ui";
import type { ReactNode } from "react";
import { CopyButton } from "./copy_button";
import layout from "./layout.module.css";
import { useSettingsWords } from "./words";

export function OnceSecret({
  title,
  secret,
  done,
  onClose,
  children,
}: {
  title: string;
  secret: string;
  done: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const t = useSettingsWords();
  return (
    <Dialog title={title} onClose={onClose}>
      <div className={layout.fields}>
        <p role="status">{children}</p>
        <code className={layout.code} dir="ltr" data-secret>
          {secret}
        </code>
        <div className={layout.inline}>
          <CopyButton text={secret} label={t("copy")} copied={t("copied")} />
          <Button look="primary" onClick={onClose}>
            {done}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
