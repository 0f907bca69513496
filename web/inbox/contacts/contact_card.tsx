import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Avatar, Badge, Button, IconButton, useToast } from "@kit/ui";
import { Pencil } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { useOrganization } from "../shell/organization";
import { type Contact, nameOf, useRefreshContact } from "./contact";
import { EditContact } from "./edit_contact";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

const SOURCES = {
  mail: "byMail",
  portal: "byPortal",
  chat: "byChat",
  api: "byApi",
  import: "byImport",
  hand: "byHand",
} as const;
export const SUBSCRIPTIONS = ["none", "pending", "subscribed", "unsubscribed"] as const;

/** Who it is, how to reach them, and a way to put that right. */
export function ContactCard({
  contact,
  heading: Heading = "h2",
}: {
  contact: Contact;
  heading?: "h1" | "h2";
}) {
  const t = useContactWords();
  const times = useTimes();
  const { slug, atLeast } = useOrganization();
  const [edits, setEdits] = useState(false);
  const name = nameOf(contact);
  const source = SOURCES[contact.source as keyof typeof SOURCES];
  const subscription = SUBSCRIPTIONS.find((each) => each === contact.subscription_status) ?? "none";
  return (
    <div className={styles.card}>
      <div className={styles.who}>
        <Avatar name={name} size={40} />
        <div>
          <Heading className={styles.name}>
            <Link to={`/${slug}/contacts/${contact.id}`}>{name}</Link>
          </Heading>
          {contact.company && (
            <Link
              className={`${styles.small} ${styles.link}`}
              to={`/${slug}/contacts/companies/${contact.company.id}`}
            >
              {contact.company.name}
            </Link>
          )}
        </div>
        {atLeast("agent") && (
          <IconButton small label={t("edit")} onClick={() => setEdits(true)}>
            <Pencil />
          </IconButton>
        )}
      </div>
      <dl className={styles.facts}>
        {contact.email && (
          <>
            <dt>{t("email")}</dt>
            <dd>
              <a className={styles.link} href={`mailto:${contact.email}`}>
                {contact.email}
              </a>
            </dd>
          </>
        )}
        {contact.phone && (
          <>
            <dt>{t("phone")}</dt>
            <dd>
              <a className={styles.link} href={`tel:${contact.phone}`} dir="ltr">
                {contact.phone}
              </a>
            </dd>
          </>
        )}
        {contact.language && (
          <>
            <dt>{t("language")}</dt>
            <dd>{languageName(contact.language)}</dd>
          </>
        )}
        <dt>{t("since")}</dt>
        <dd>
          {times.day(contact.created_at)} {source && <span className={styles.muted}>· {t(source)}</span>}
        </dd>
        {subscription !== "none" && (
          <>
            <dt>{t("news")}</dt>
            <dd>
              <Badge tone={subscription === "subscribed" ? "success" : "neutral"}>{t(subscription)}</Badge>
            </dd>
          </>
        )}
      </dl>
      {contact.suppressed_at && <Suppressed contact={contact} mayLift={atLeast("agent")} />}
      {edits && <EditContact contact={contact} onClose={() => setEdits(false)} />}
    </div>
  );
}

/** A language in the words of whoever looks; its code where there is no name. */
export function languageName(code: string): string {
  try {
    return (
      new Intl.DisplayNames(document.documentElement.lang || "en", { type: "language" }).of(code) ?? code
    );
  } catch {
    return code;
  }
}

function Suppressed({ contact, mayLift }: { contact: Contact; mayLift: boolean }) {
  const t = useContactWords();
  const client = useClient();
  const toast = useToast();
  const refresh = useRefreshContact();
  const lift = async () => {
    try {
      await ok(client.rpc("unsuppress_contact", { contact_id: contact.id }));
      refresh(contact.id);
      toast(t("unsuppressed"));
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
  };
  return (
    <div className={styles.warning}>
      <p>{t("suppressed")}</p>
      {mayLift && (
        <Button small onClick={() => void lift()}>
          {t("unsuppress")}
        </Button>
      )}
    </div>
  );
}
