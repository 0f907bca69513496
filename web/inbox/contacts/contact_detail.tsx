import { Button, Section } from "@kit/ui";
import { Merge } from "lucide-react";
import { useState } from "react";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { type Contact, nameOf } from "./contact";
import { ContactCard } from "./contact_card";
import { ContactParts } from "./contact_panel";
import { Journey } from "./journey";
import { MergeContacts } from "./merge_contacts";
import { MergedBefore } from "./merged_before";
import styles from "./page.module.css";
import { PersonalData } from "./personal_data";
import { Suggested } from "./suggested";
import { useContactWords } from "./words";

/** One contact: what they did on one side, what is known of them on the other. */
export function ContactDetail({ contact }: { contact: Contact }) {
  const t = useContactWords();
  const { atLeast } = useOrganization();
  const [merges, setMerges] = useState(false);
  const mayChange = atLeast("agent");
  useCommands(
    mayChange
      ? [
          {
            id: "contact.merge",
            label: t("mergeWith"),
            keys: "m",
            group: nameOf(contact),
            run: () => setMerges(true),
          },
        ]
      : [],
  );
  return (
    <div className={styles.columns}>
      <div>
        <ContactCard contact={contact} />
        {mayChange && (
          <div className={styles.actions}>
            <Button small onClick={() => setMerges(true)}>
              <Merge size={15} aria-hidden /> {t("mergeWith")}
            </Button>
          </div>
        )}
        {mayChange && <Suggested contact={contact} />}
        <Section name="contact-journey" title={t("journey")}>
          <Journey contactId={contact.id} />
        </Section>
      </div>
      <div>
        <ContactParts contact={contact} />
        <MergedBefore contactId={contact.id} />
        {atLeast("admin") && <PersonalData contact={contact} />}
      </div>
      {merges && <MergeContacts contact={contact} onClose={() => setMerges(false)} />}
    </div>
  );
}
