import type { Row } from "@kit/api/client";
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Button, Dialog } from "@kit/ui";
import { useState } from "react";
import { CopyButton } from "../copy_button";
import { useSaving } from "../form";
import { Section } from "../frame";
import layout from "../layout.module.css";
import records from "../records.module.css";
import { useWidgetWords } from "./words";

/** What to put on the site, and the secret by which the site says who its visitors are. */
export function InstallDialog({ widget, onClose }: { widget: Row<"chat_widgets">; onClose: () => void }) {
  const t = useWidgetWords();
  const client = useClient();
  const [secret, setSecret] = useState<string | null>(null);
  const making = useSaving(async () => {
    const made = await ok(
      client.functions.invoke<{ secret: string }>(`widgets/${widget.id}/secret`, { method: "POST" }),
    );
    setSecret(made?.secret ?? null);
  });
  const snippet = `<script src="${location.origin}/widget.js" data-widget="${widget.id}" async></script>`;
  return (
    <Dialog wide title={widget.name} onClose={onClose}>
      <Section title={t("install")} intro={t("installHint")}>
        <code className={layout.code} dir="ltr">
          {snippet}
        </code>
        <div>
          <CopyButton text={snippet} label={t("copy")} copied={t("copied")} />
        </div>
      </Section>
      <Section title={t("secret")} intro={t("secretHint")}>
        {secret && (
          <>
            <code className={layout.code} dir="ltr">
              {secret}
            </code>
            <p role="status">{t("shownOnce")}</p>
          </>
        )}
        {making.problem && (
          <p role="alert" className={records.problem}>
            {making.problem.text}
          </p>
        )}
        <div className={layout.inline}>
          {secret && <CopyButton text={secret} label={t("copy")} copied={t("copied")} />}
          <Button small busy={making.state === "busy"} onClick={() => void making.run()}>
            {secret ? t("makeAgain") : t("make")}
          </Button>
        </div>
      </Section>
    </Dialog>
  );
}
