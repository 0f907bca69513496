import { useClient } from "@kit/api/client";
import { useUser } from "@kit/api/session";
import { Button, Loaded } from "@kit/ui";
import { useState } from "react";
import { Navigate, useNavigate } from "react-router";
import { Card } from "../account/card";
import { OpenInvitations, useMyInvitations } from "../account/invitations";
import { NewDesk } from "../account/new_desk";
import { useAccountWords } from "../account/words";
import { type Membership, useMemberships } from "./organization";

/** Where somebody without an address in mind begins: at their only desk, or at a choice of desks, of invitations, and of a
 *  new one. */
export function ChooseOrganization() {
  const memberships = useMemberships();
  const invitations = useMyInvitations();
  return (
    <Loaded query={memberships}>
      {(all) => {
        const [only] = all;
        // Who is invited elsewhere hears of it before being led on.
        if (!invitations.data && !invitations.error) return null;
        if (all.length === 1 && only && !invitations.data?.length)
          return <Navigate to={`/${only.slug}`} replace />;
        return <Choice all={all} />;
      }}
    </Loaded>
  );
}

function Choice({ all }: { all: Membership[] }) {
  const t = useAccountWords();
  const client = useClient();
  const { email } = useUser();
  const navigate = useNavigate();
  const [isFounding, setFounding] = useState(false);
  const isInvited = (useMyInvitations().data ?? []).length > 0;
  const title = all.length > 0 ? "chooseDesk" : isInvited ? "welcome" : "noDesk";
  return (
    <Card title={t(title)}>
      {title === "noDesk" && <p>{t("noDeskHint", { email })}</p>}
      {all.map((each) => (
        <Button key={each.organization_id} onClick={() => navigate(`/${each.slug}`)}>
          {each.name}
        </Button>
      ))}
      <OpenInvitations />
      {isFounding ? (
        <NewDesk onCancel={() => setFounding(false)} />
      ) : (
        <Button look="quiet" onClick={() => setFounding(true)}>
          {t("newDesk")}
        </Button>
      )}
      <Button look="quiet" onClick={() => void client.auth.signOut({ scope: "local" })}>
        {t("signOut")}
      </Button>
    </Card>
  );
}
