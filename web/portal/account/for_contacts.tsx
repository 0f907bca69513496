/** Pages for those who write to the desk: shows how to sign in to anybody else. */
import { Failure, Skeleton } from "@kit/ui";
import type { ReactNode } from "react";
import { useLocation } from "react-router";
import { useCentre } from "../shell/centre";
import styles from "./account.module.css";
import { LinkForm } from "./link_form";
import { useContact, useSession } from "./session";
import { useAccountWords } from "./words";

export type Me = { contactId: string; userId: string; email: string };

export function ForContacts({ children }: { children: (me: Me) => ReactNode }) {
  const t = useAccountWords();
  const { name, takes_tickets } = useCentre();
  const { user } = useSession();
  const { pathname } = useLocation();
  const contact = useContact();
  if (!user)
    return (
      <div className={styles.page}>
        <div className={styles.card}>
          <h1>{t("needed")}</h1>
          <LinkForm backTo={pathname} />
        </div>
      </div>
    );
  if (contact.data) return children({ contactId: contact.data, userId: user.id, email: user.email });
  if (contact.error)
    return takes_tickets ? (
      <Failure error={contact.error} onRetry={() => contact.refetch()} />
    ) : (
      <p className={styles.page}>{t("closed", { name })}</p>
    );
  return <Skeleton lines={6} />;
}
