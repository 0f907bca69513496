/** A form for a contact: a new one, or what is known of one that is there. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Dialog, Select, TextField, useToast } from "@kit/ui";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import { CompanyPicker } from "./company_picker";
import { type Contact, useRefreshContact } from "./contact";
import { SUBSCRIPTIONS } from "./contact_card";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Props = { contact?: Contact; onClose: () => void; onMade?: (id: string) => void };

export function EditContact({ contact, onClose, onMade }: Props) {
  const t = useContactWords();
  const client = useClient();
  const toast = useToast();
  const refresh = useRefreshContact();
  const { organization_id } = useOrganization();
  const [name, setName] = useState(contact?.name ?? "");
  const [email, setEmail] = useState(contact?.email ?? "");
  const [phone, setPhone] = useState(contact?.phone ?? "");
  const [language, setLanguage] = useState(contact?.language ?? "");
  const [company, setCompany] = useState(contact?.company ?? null);
  const [news, setNews] = useState(contact?.subscription_status ?? "none");
  const [consent, setConsent] = useState(contact?.consent_source ?? "");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim() && !email.trim() && !phone.trim()) return setProblem(t("addressOrName"));
    setBusy(true);
    setProblem(undefined);
    const columns = {
      name: name.trim(),
      email: email.trim().toLowerCase() || null,
      phone: phone.trim() || null,
      language: language.trim().toLowerCase() || null,
      company_id: company?.id ?? null,
      ...(news === (contact?.subscription_status ?? "none")
        ? {}
        : { subscription_status: news, consent_source: consent.trim() || null }),
    };
    try {
      const { id } = await ok(
        contact
          ? client.from("contacts").update(columns).eq("id", contact.id).select("id").single()
          : client
              .from("contacts")
              .insert({ ...columns, organization_id, source: "hand" })
              .select("id")
              .single(),
      );
      refresh(id);
      toast(contact ? t("saved") : t("made", { name: columns.name || columns.email || columns.phone || "" }));
      onClose();
      onMade?.(id);
    } catch (error) {
      const { message, hint } = problemOf(error);
      setProblem([message, hint].filter(Boolean).join(". "));
      setBusy(false);
    }
  };
  return (
    <Dialog title={contact ? t("edit") : t("newContact")} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextField
          label={t("name")}
          value={name}
          maxLength={500}
          autoComplete="off"
          onChange={(e) => setName(e.target.value)}
        />
        <TextField
          label={t("email")}
          type="email"
          value={email}
          maxLength={320}
          autoComplete="off"
          onChange={(e) => setEmail(e.target.value)}
        />
        <TextField
          label={t("phone")}
          type="tel"
          value={phone}
          autoComplete="off"
          onChange={(e) => setPhone(e.target.value)}
        />
        <TextField
          label={t("language")}
          value={language}
          pattern="[a-zA-Z]{2,3}"
          placeholder="en"
          maxLength={3}
          onChange={(e) => setLanguage(e.target.value)}
        />
        <CompanyPicker chosen={company} onChoose={setCompany} />
        {contact && (
          <Select label={t("news")} value={news} onChange={(e) => setNews(e.target.value)}>
            {SUBSCRIPTIONS.map((each) => (
              <option key={each} value={each}>
                {t(each)}
              </option>
            ))}
          </Select>
        )}
        {news === "subscribed" && contact?.subscription_status !== "subscribed" && (
          <TextField
            label={t("consent")}
            hint={t("consentHint")}
            value={consent}
            required
            onChange={(e) => setConsent(e.target.value)}
          />
        )}
        {problem && (
          <p role="alert" className={styles.warning}>
            {problem}
          </p>
        )}
        <div className={styles.end}>
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="primary" type="submit" busy={busy}>
            {t("save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
