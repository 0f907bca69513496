import { useClient } from "@kit/api/client";
import { Button } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { Card } from "./card";
import { CodeForm } from "./code_form";
import { Enrolment } from "./enrolment";
import { useAssurance, useFactors, useFactorsChanged } from "./factors";
import { useAccountWords } from "./words";

/** Who has a second factor shows it before anything else. */
export function SecondFactorGate({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const { data: level, error } = useAssurance();
  // What one user has read is not the next one's: this goes when somebody signs out.
  useEffect(() => () => queries.clear(), [queries]);
  if (error) return children;
  if (!level) return null;
  return level.nextLevel === "aal2" && level.currentLevel !== "aal2" ? <AskForCode /> : children;
}

function AskForCode() {
  const t = useAccountWords();
  const factors = useFactors();
  const changed = useFactorsChanged();
  const verified = factors.data?.find((factor) => factor.status === "verified");
  if (!factors.data) return null;
  return (
    <Card title={t("codeTitle")}>
      <p>{t("codeHint")}</p>
      {verified && <CodeForm factorId={verified.id} action={t("verify")} onVerified={() => void changed()} />}
      <SignOut />
    </Card>
  );
}

/** In place of a desk that lets nobody in without a second factor, for whoever has none. */
export function FactorNeeded({ desk }: { desk: string }) {
  const t = useAccountWords();
  const changed = useFactorsChanged();
  return (
    <Card title={t("neededTitle", { desk })}>
      <p>{t("neededHint")}</p>
      <Enrolment onDone={() => void changed()} />
      <SignOut />
    </Card>
  );
}

function SignOut() {
  const t = useAccountWords();
  const client = useClient();
  return (
    <Button look="quiet" onClick={() => void client.auth.signOut({ scope: "local" })}>
      {t("otherAccount")}
    </Button>
  );
}
