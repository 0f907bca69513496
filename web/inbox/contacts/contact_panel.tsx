/** All that is known of somebody, as parts to fold. Beside a ticket, and on the contact's own page. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Section } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";
import type { Contact } from "./contact";
import { ContactNotes, useNotes } from "./contact_notes";
import { ContactTags } from "./contact_tags";
import { ContactTickets } from "./contact_tickets";
import { CustomFields, useFields } from "./custom_fields";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

export function ContactParts({ contact, ticketId }: { contact: Contact; ticketId?: string }) {
  const t = useContactWords();
  const fields = useFields("contact").data ?? [];
  const notes = useNotes(contact.id).data ?? [];
  return (
    <>
      {fields.length > 0 && (
        <Section name="contact-fields" title={t("fields")}>
          <CustomFields
            target="contact"
            id={contact.id}
            values={(contact.fields ?? {}) as Record<string, unknown>}
          />
        </Section>
      )}
      <Section name="contact-tags" title={t("tags")}>
        <ContactTags contactId={contact.id} />
      </Section>
      <Section name="contact-notes" title={t("notes")} count={notes.length}>
        <ContactNotes contactId={contact.id} />
      </Section>
      <Section name="contact-tickets" title={ticketId ? t("tickets") : t("allTickets")}>
        <ContactTickets contactId={contact.id} {...(ticketId ? { except: ticketId } : {})} />
      </Section>
      <ExternalIds contactId={contact.id} />
    </>
  );
}

/** What other systems call them. */
function ExternalIds({ contactId }: { contactId: string }) {
  const t = useContactWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const ids = useQuery({
    queryKey: ["contact", contactId, "external"],
    queryFn: () =>
      ok(
        client
          .from("contact_external_ids")
          .select("system, external_id")
          .eq("organization_id", organization_id)
          .eq("contact_id", contactId)
          .limit(50),
      ),
  });
  if (!ids.data?.length) return null;
  return (
    <Section name="contact-external" title={t("externalIds")}>
      <dl className={styles.facts}>
        {ids.data.map(({ system, external_id }) => (
          <div key={`${system} ${external_id}`} style={{ display: "contents" }}>
            <dt>{system}</dt>
            <dd>{external_id}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
