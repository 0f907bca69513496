import { Avatar, Button, Dialog, TextField } from "@kit/ui";
import { useId, useState } from "react";
import { useNavigate } from "react-router";
import { useOrganization } from "../shell/organization";
import { type Contact, nameOf } from "./contact";
import { useMergeContacts, type Wrong } from "./merging";
import styles from "./page.module.css";
import { type Found, useContactList } from "./use_contact_list";
import { useContactWords } from "./words";

/** Finds the other one, and asks who stays. */
export function MergeContacts({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const t = useContactWords();
  const navigate = useNavigate();
  const { slug } = useOrganization();
  const { merge } = useMergeContacts();
  const [query, setQuery] = useState("");
  const [other, setOther] = useState<Found | null>(null);
  const [keepsOther, setKeepsOther] = useState(false);
  const [wrong, setWrong] = useState<Wrong>();
  const [busy, setBusy] = useState(false);
  const list = useContactList(query.trim());
  const group = useId();
  const run = async (share: boolean) => {
    if (!other) return;
    setBusy(true);
    const [winner, loser] = keepsOther ? [other, contact] : [contact, other];
    const against = await merge(winner, loser, share);
    setBusy(false);
    if (against) return setWrong(against);
    onClose();
    navigate(`/${slug}/contacts/${winner.id}`);
  };
  return (
    <Dialog title={t("mergeWith")} onClose={onClose}>
      <div className={styles.form}>
        <TextField
          label={t("findContact")}
          type="search"
          autoComplete="off"
          value={query}
          onChange={({ target }) => setQuery(target.value)}
        />
        <div className={styles.results} role="radiogroup" aria-label={t("contact")}>
          {list.rows
            .filter(({ id }) => id !== contact.id)
            .slice(0, 10)
            .map((each) => (
              <label key={each.id} className={styles.result}>
                <input
                  type="radio"
                  name={`${group}-other`}
                  checked={other?.id === each.id}
                  onChange={() => {
                    setOther(each);
                    setWrong(undefined);
                  }}
                />
                <Avatar name={nameOf(each)} size={24} />
                <div>
                  <span className={styles.line}>{nameOf(each)}</span>
                  <span className={`${styles.line} ${styles.muted}`}>{each.email || each.phone}</span>
                </div>
              </label>
            ))}
        </div>
        {other && (
          <fieldset className={styles.choices}>
            <legend>{t("keepWhich")}</legend>
            {[contact, other].map((each, at) => (
              <label key={each.id}>
                <input
                  type="radio"
                  name={`${group}-kept`}
                  checked={keepsOther === (at === 1)}
                  onChange={() => setKeepsOther(at === 1)}
                />
                {t("keep", { name: [nameOf(each), each.name && each.email].filter(Boolean).join(", ") })}
              </label>
            ))}
          </fieldset>
        )}
        <p className={styles.muted}>{t("mergeHint")}</p>
        {wrong && (
          <p role="alert" className={styles.warning}>
            {wrong.problem}
          </p>
        )}
        <div className={styles.end}>
          <Button
            look="primary"
            busy={busy}
            disabled={!other}
            onClick={() => void run(wrong?.mayShare ?? false)}
          >
            {wrong?.mayShare ? t("shareYes") : t("mergeInto")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
