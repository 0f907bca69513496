/** The window in which a member opens a ticket. */
import { problemOf } from "@kit/api/errors";
import { Button, Checkbox, Dialog, Select, TextArea, TextField, useToast } from "@kit/ui";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { useCurrentList } from "../source";
import { type Chosen, ContactPicker } from "./contact_picker";
import styles from "./new_ticket.module.css";
import { CHANNELS, type Channel, type NewTicket as Given, useOpenTicket } from "./open_ticket";
import { useNewTicketWords } from "./words";

export function NewTicket({ onClose }: { onClose: () => void }) {
  const t = useNewTicketWords();
  const navigate = useNavigate();
  const toast = useToast();
  const { pathOf } = useCurrentList();
  const open = useOpenTicket();
  const [contact, setContact] = useState<Chosen | null>(null);
  const [kind, setKind] = useState<Given["kind"]>("asked");
  const [channel, setChannel] = useState<Channel>("phone");
  const [subject, setSubject] = useState("");
  const [body, setBody] = useState("");
  const [isMine, setMine] = useState(true);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<{ contact?: string; subject?: string; body?: string; all?: string }>({});

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const isWriting = kind === "write";
    const missing = {
      ...(contact ? {} : { contact: t("needContact") }),
      ...(contact && isWriting && !contact.email ? { contact: t("needAddress") } : {}),
      ...(isWriting && !subject.trim() ? { subject: t("needSubject") } : {}),
      ...(body.trim() ? {} : { body: t("needWords") }),
    };
    setWrong(missing);
    if (!contact || Object.keys(missing).length > 0) return;
    setBusy(true);
    try {
      const { number } = await open({
        kind,
        contactId: contact.id,
        channel,
        subject: subject.trim(),
        body,
        isMine,
      });
      onClose();
      toast(t("opened", { number: `#${number}` }));
      navigate(pathOf(number));
    } catch (error) {
      setWrong({ all: t("failed", { problem: problemOf(error).message }) });
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("newTicket")} onClose={onClose}>
      <form className={styles.form} onSubmit={submit} noValidate>
        <div className={styles.contact}>
          <ContactPicker
            chosen={contact}
            onChoose={(each) => {
              setContact(each);
              setWrong({});
            }}
            onProblem={(error) => setWrong({ contact: problemOf(error).message })}
          />
          {wrong.contact && (
            <p role="alert" className={styles.wrong}>
              {wrong.contact}
            </p>
          )}
        </div>
        <fieldset className={styles.kinds}>
          <legend className="visually-hidden">{t("kind")}</legend>
          {(["asked", "write"] as const).map((each) => (
            <label key={each} className={styles.kind}>
              <input type="radio" name="kind" checked={kind === each} onChange={() => setKind(each)} />
              <span>
                {t(each)}
                <span className={styles.hint}>{t(each === "asked" ? "askedHint" : "writeHint")}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {kind === "asked" && (
          <Select
            label={t("channel")}
            value={channel}
            onChange={({ target }) => setChannel(target.value as Channel)}
          >
            {CHANNELS.map((each) => (
              <option key={each} value={each}>
                {t(each)}
              </option>
            ))}
          </Select>
        )}
        <TextField
          label={t("subject")}
          value={subject}
          maxLength={998}
          error={wrong.subject}
          onChange={({ target }) => setSubject(target.value)}
        />
        <TextArea
          label={t(kind === "asked" ? "body" : "words")}
          rows={6}
          value={body}
          error={wrong.body}
          onChange={({ target }) => setBody(target.value)}
        />
        <Checkbox label={t("mine")} checked={isMine} onChange={({ target }) => setMine(target.checked)} />
        {wrong.all && (
          <p role="alert" className={styles.wrong}>
            {wrong.all}
          </p>
        )}
        <div className={styles.end}>
          <Button look="primary" type="submit" busy={busy}>
            {t(kind === "asked" ? "open" : "send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
