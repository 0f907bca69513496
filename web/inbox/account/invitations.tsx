/** Invitations to the signed-in user's address: all that are open, and one that somebody came for by its link. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Button, Loaded, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import type { Membership, Role } from "../shell/organization";
import { Card } from "./card";
import styles from "./sign_in.module.css";
import { useAccountWords } from "./words";

type Invitation = { id: string; organization: string; role: Role; expires_at: string };

export function useMyInvitations() {
  const client = useClient();
  return useQuery({
    queryKey: ["my-invitations"],
    queryFn: async () => (await ok(client.rpc("my_invitations"))) as Invitation[],
  });
}

/** Joins, and goes there. */
function useAccept() {
  const client = useClient();
  const queries = useQueryClient();
  const navigate = useNavigate();
  return async (id: string) => {
    const organizationId = await ok(client.rpc("accept_invitation", { invitation_id: id }));
    await queries.invalidateQueries({ queryKey: ["my-invitations"] });
    const memberships = (await queries.fetchQuery({
      queryKey: ["memberships"],
      staleTime: 0,
      queryFn: async () => ok(client.rpc("my_memberships")),
    })) as Membership[];
    const joined = memberships.find((each) => each.organization_id === organizationId);
    await navigate(joined ? `/${joined.slug}` : "/");
  };
}

function Joining({ invitation }: { invitation: Invitation }) {
  const t = useAccountWords();
  const toast = useToast();
  const accept = useAccept();
  const [busy, setBusy] = useState(false);
  return (
    <>
      <Button
        look="primary"
        busy={busy}
        onClick={async () => {
          setBusy(true);
          try {
            await accept(invitation.id);
          } catch (error) {
            setBusy(false);
            const { message, hint } = problemOf(error);
            toast(hint ?? message, { tone: "danger" });
          }
        }}
      >
        {t("accept", { desk: invitation.organization })}
      </Button>
      <p className={styles.muted}>{t("invitedAs", { role: t(invitation.role) })}</p>
    </>
  );
}

/** All that are open; nothing where there is none. */
export function OpenInvitations() {
  const t = useAccountWords();
  const { data } = useMyInvitations();
  if (!data || data.length === 0) return null;
  return (
    <section className={styles.lines}>
      <h2>{t("invitations")}</h2>
      {data.map((invitation) => (
        <Joining key={invitation.id} invitation={invitation} />
      ))}
    </section>
  );
}

/** Where the link of an invitation's mail leads. */
export function InvitationPage() {
  const t = useAccountWords();
  const { id } = useParams();
  const { email } = useUser();
  const navigate = useNavigate();
  const open = useMyInvitations();
  return (
    <Loaded query={open}>
      {(all) => {
        const found = all.find((each) => each.id === id);
        return (
          <Card title={found ? t("invitations") : t("goneTitle")}>
            {found ? <Joining invitation={found} /> : <p>{t("goneHint", { email })}</p>}
            <Button look="quiet" onClick={() => navigate("/")}>
              {t("toDesks")}
            </Button>
          </Card>
        );
      }}
    </Loaded>
  );
}
