/** What is known beside a ticket's messages: what it is about, what was promised, and who asks. */
import { Loaded, Section } from "@kit/ui";
import { useContact } from "../contacts/contact";
import { ContactCard } from "../contacts/contact_card";
import { ContactParts } from "../contacts/contact_panel";
import { CustomFields, useFields } from "../contacts/custom_fields";
import { Journey } from "../contacts/journey";
import type { Ticket } from "../tickets/ticket";
import { AssignmentExplained } from "./assignment";
import { Forms } from "./forms";
import { Participants } from "./participants";
import { Related } from "./related";
import { Satisfaction } from "./satisfaction";
import styles from "./side.module.css";
import { SlaClocks } from "./sla";
import { Triage } from "./triage";
import { useSideWords } from "./words";

export function SidePanel({ ticket }: { ticket: Ticket }) {
  const t = useSideWords();
  const contact = useContact(ticket.contact_id);
  const fields = useFields("ticket").data ?? [];
  return (
    <>
      <Loaded query={contact}>
        {(found) =>
          found ? <ContactCard contact={found} /> : <p className={styles.alone}>{t("noContact")}</p>
        }
      </Loaded>
      <Triage ticket={ticket} />
      <SlaClocks ticket={ticket} />
      <Related ticket={ticket} />
      <Participants ticket={ticket} />
      {fields.length > 0 && (
        <Section name="ticket-fields" title={t("ticketFields")}>
          <CustomFields target="ticket" id={ticket.id} values={ticket.fields as Record<string, unknown>} />
        </Section>
      )}
      <Forms ticket={ticket} />
      <Satisfaction ticket={ticket} />
      {contact.data && (
        <>
          <ContactParts contact={contact.data} ticketId={ticket.id} />
          <Section name="journey" title={t("journey")} folded>
            <Journey contactId={contact.data.id} />
          </Section>
        </>
      )}
      <AssignmentExplained ticket={ticket} />
    </>
  );
}
