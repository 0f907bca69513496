import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Loaded, type Tone, useToast } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useOrganization } from "../../shell/organization";
import { CopyButton } from "../copy_button";
import { useSaving } from "../form";
import layout from "../layout.module.css";
import styles from "../records.module.css";
import { useTable } from "../rows";
import { useMemberWords } from "./words";

type Invitation = {
  id: string;
  email: string;
  role: "viewer" | "agent" | "manager" | "admin" | "owner";
  expires_at: string;
  mail_status: string | null;
};
const TONES: Record<string, Tone> = {
  delivered: "success",
  bounced: "danger",
  failed: "danger",
  suppressed: "warning",
};
const STATUSES = [
  "waiting",
  "sent",
  "delivered",
  "bounced",
  "failed",
  "suppressed",
  "not_sent",
  "unknown",
] as const;

export function Invitations() {
  const t = useMemberWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const open = useQuery({
    queryKey: ["invitations", organization_id],
    // What becomes of the mail is told by no event.
    refetchInterval: 15_000,
    queryFn: async () =>
      (await ok(
        client
          .from("invitations")
          .select("id,email,role,expires_at,mail_status")
          .eq("organization_id", organization_id)
          .is("accepted_at", null)
          .order("created_at", { ascending: false })
          .limit(200),
      )) as Invitation[],
  });
  return (
    <Loaded query={open} lines={2}>
      {(found) =>
        found.length === 0 ? (
          <p className={layout.muted}>{t("none")}</p>
        ) : (
          <ul className={styles.list}>
            {found.map((invitation) => (
              <Line key={invitation.id} invitation={invitation} />
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

function Line({ invitation: { id, email, role, expires_at, mail_status } }: { invitation: Invitation }) {
  const t = useMemberWords();
  const times = useTimes();
  const client = useClient();
  const toast = useToast();
  const table = useTable("invitations");
  const [now] = useState(Date.now);
  const resending = useSaving(async () => {
    await ok(client.rpc("resend_invitation", { invitation_id: id }));
    await table.changed();
    toast(t("resent"));
  });
  const revoking = useSaving(() => table.remove({ id }));
  const isOver = Date.parse(expires_at) < now;
  const status = STATUSES.find((each) => each === mail_status);
  const problem = resending.problem ?? revoking.problem;
  return (
    <li className={styles.row}>
      <div className={styles.what}>
        <span className={styles.name}>{email}</span>
        <div className={styles.about}>
          {t(role)} ·{" "}
          {isOver
            ? t("expired", { when: times.relative(expires_at) })
            : t("until", { day: times.day(expires_at) })}
        </div>
        {problem && (
          <p role="alert" className={styles.problem}>
            {problem.text}
          </p>
        )}
      </div>
      <div className={styles.aside}>
        {status && <Badge tone={TONES[status] ?? "neutral"}>{t(`mail_${status}`)}</Badge>}
        <CopyButton
          text={`${location.origin}/inbox/invitations/${id}`}
          label={t("copyLink")}
          copied={t("copied")}
        />
        <Button small busy={resending.state === "busy"} onClick={() => void resending.run()}>
          {t("resend")}
        </Button>
        <Button small look="danger" busy={revoking.state === "busy"} onClick={() => void revoking.run()}>
          {t("revoke")}
        </Button>
      </div>
    </li>
  );
}
