import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Button } from "@kit/ui";
import { ShieldAlert, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { useOrganization } from "../../shell/organization";
import { useSaving } from "../form";
import layout from "../layout.module.css";
import log from "../log.module.css";
import records from "../records.module.css";
import styles from "./verify.module.css";
import { useAuditWords } from "./words";

type Problem = { problem: string; audit_id: string | null; seal: number | null };
type Verdict = {
  is_sound: boolean;
  problems: Problem[];
  problem_count: number;
  rows: number;
  sealed: number;
  seals: number;
  head: string | null;
};

/** Looks at every row and every seal of the log: has anything been altered, removed or slipped in? */
export function Verify() {
  const t = useAuditWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const checking = useSaving(async () => {
    setVerdict((await ok(client.rpc("verify_audit", { organization_id }))) as unknown as Verdict);
  });
  return (
    <div className={layout.card}>
      <div className={log.bar}>
        <p className={styles.text}>{t("verifyHint")}</p>
        <Button small busy={checking.state === "busy"} onClick={() => void checking.run()}>
          {t("verify")}
        </Button>
      </div>
      {checking.problem && (
        <p role="alert" className={records.problem}>
          {checking.problem.text}
        </p>
      )}
      {verdict && (
        <div role="status" className={styles.verdict} data-sound={verdict.is_sound}>
          {verdict.is_sound ? <ShieldCheck aria-hidden /> : <ShieldAlert aria-hidden />}
          <div>
            <p>
              {verdict.is_sound
                ? t("sound", { rows: verdict.rows, sealed: verdict.sealed, seals: verdict.seals })
                : t("unsound", { count: verdict.problem_count })}
            </p>
            {verdict.problems.map(({ problem, audit_id, seal }) => (
              <p key={`${problem}/${audit_id}/${seal}`} className={log.muted}>
                {problem} <code>{audit_id ?? seal}</code>
              </p>
            ))}
            {verdict.head && (
              <p className={log.muted}>
                {t("head")} <code>{verdict.head}</code>
              </p>
            )}
          </div>
        </div>
      )}
    </div>
  );
}
