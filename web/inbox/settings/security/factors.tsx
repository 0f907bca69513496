import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Loaded } from "@kit/ui";
import { useState } from "react";
import { Enrolment } from "../../account/enrolment";
import { useFactors, useFactorsChanged } from "../../account/factors";
import { ConfirmDialog } from "../edit_dialog";
import layout from "../layout.module.css";
import { useSecurityWords } from "./words";

export function Factors() {
  const t = useSecurityWords();
  const times = useTimes();
  const client = useClient();
  const factors = useFactors();
  const changed = useFactorsChanged();
  const [isEnrolling, setEnrolling] = useState(false);
  const [isEnding, setEnding] = useState(false);
  return (
    <Loaded query={factors} lines={2}>
      {(all) => {
        const verified = all.filter((factor) => factor.status === "verified");
        if (verified.length === 0 && isEnrolling)
          return (
            <div className={layout.card}>
              <Enrolment
                onDone={() => {
                  setEnrolling(false);
                  void changed();
                }}
              />
              <div>
                <Button look="quiet" onClick={() => setEnrolling(false)}>
                  {t("cancel")}
                </Button>
              </div>
            </div>
          );
        if (verified.length === 0)
          return (
            <div className={layout.inline}>
              <p className={layout.grow}>{t("off")}</p>
              <Button onClick={() => setEnrolling(true)}>{t("setUp")}</Button>
            </div>
          );
        return (
          <div className={layout.inline}>
            <p className={layout.grow} role="status">
              <Badge tone="success">{t("on")}</Badge>{" "}
              {t("since", { day: times.day(verified[0]?.created_at ?? "") })}
            </p>
            <Button look="danger" onClick={() => setEnding(true)}>
              {t("turnOff")}
            </Button>
            {isEnding && (
              <ConfirmDialog
                title={t("turnOffTitle")}
                action={t("turnOff")}
                onConfirm={async () => {
                  for (const factor of verified) await ok(client.auth.mfa.unenroll({ factorId: factor.id }));
                  await ok(client.auth.refreshSession());
                  await changed();
                }}
                onClose={() => setEnding(false)}
              >
                <p>{t("turnOffText")}</p>
              </ConfirmDialog>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}
