/** What a contact may ask for: all that is kept of them, or that it is gone. */
import { type Row, useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Dialog, Section, TextField, type Tone, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useOrganization } from "../shell/organization";
import { type Contact, nameOf, useRefreshContact } from "./contact";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Request = Pick<
  Row<"privacy_requests">,
  "id" | "kind" | "state" | "files" | "created_at" | "error" | "expires_at"
>;
const TONES: Record<string, Tone> = { waiting: "accent", done: "success", failed: "danger" };
const STATES = { waiting: "waiting", done: "done", failed: "failedState" } as const;
/** While something is being made, it is asked after this often. */
const ASK_MS = 3_000;

export function PersonalData({ contact }: { contact: Contact }) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id } = useOrganization();
  const [erases, setErases] = useState(false);
  const key = ["contact", contact.id, "privacy"];
  const requests = useQuery({
    queryKey: key,
    refetchInterval: ({ state }) => (state.data?.some((each) => each.state === "waiting") ? ASK_MS : false),
    queryFn: (): Promise<Request[]> =>
      ok(
        client
          .from("privacy_requests")
          .select("id, kind, state, files, created_at, error, expires_at")
          .eq("organization_id", organization_id)
          .eq("contact_id", contact.id)
          .order("id", { ascending: false })
          .limit(10),
      ),
  });
  const ask = async () => {
    try {
      await ok(client.rpc("request_contact_export", { contact_id: contact.id }));
      toast(t("exportAsked"));
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void queries.invalidateQueries({ queryKey: key });
  };
  return (
    <Section name="contact-privacy" title={t("privacy")} folded>
      {requests.data?.length === 0 && <p className={styles.muted}>{t("noRequests")}</p>}
      <ul className={styles.list}>
        {requests.data?.map((each) => (
          <RequestRow key={each.id} request={each} />
        ))}
      </ul>
      <div className={styles.chips}>
        <Button small onClick={() => void ask()}>
          {t("exportData")}
        </Button>
        <Button small look="danger" onClick={() => setErases(true)}>
          {t("eraseData")}
        </Button>
      </div>
      {erases && <Erase contact={contact} onClose={() => setErases(false)} />}
    </Section>
  );
}

function RequestRow({ request }: { request: Request }) {
  const t = useContactWords();
  const times = useTimes();
  const client = useClient();
  const toast = useToast();
  const isThere = request.expires_at === null || new Date(request.expires_at) > new Date();
  const download = async (path: string) => {
    const { data, error } = await client.storage
      .from("exports")
      .createSignedUrl(path, 60, { download: true });
    if (data) location.assign(data.signedUrl);
    else toast(t("failed", { problem: error.message }), { tone: "danger" });
  };
  return (
    <li className={styles.write}>
      <span className={styles.chips}>
        {request.kind === "export" ? t("export") : t("erasure")}
        <Badge tone={TONES[request.state] ?? "neutral"}>
          {t(STATES[request.state as keyof typeof STATES] ?? "waiting")}
        </Badge>
        <span className={styles.small}>{times.relative(request.created_at)}</span>
      </span>
      {request.error && <span className={styles.error}>{request.error}</span>}
      {request.state === "done" &&
        isThere &&
        request.files.map((path) => (
          <Button key={path} small onClick={() => void download(path)}>
            <Download size={14} aria-hidden /> {t("download", { file: path.split("/").at(-1) ?? path })}
          </Button>
        ))}
    </li>
  );
}

function Erase({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const t = useContactWords();
  const client = useClient();
  const toast = useToast();
  const refresh = useRefreshContact();
  const [typed, setTyped] = useState("");
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<string>();
  const isMeant = [contact.email, contact.name].some((each) => each && each === typed.trim());
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isMeant) return;
    try {
      await ok(client.rpc("request_contact_erasure", { contact_id: contact.id, note: note.trim() }));
      toast(t("erasing"));
      refresh(contact.id);
      onClose();
    } catch (error) {
      setProblem(problemOf(error).message);
    }
  };
  return (
    <Dialog title={t("eraseTitle", { name: nameOf(contact) })} onClose={onClose}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <p>{t("eraseHint")}</p>
        <TextField
          label={contact.email ? t("email") : t("name")}
          placeholder={contact.email || contact.name}
          value={typed}
          autoComplete="off"
          required
          onChange={({ target }) => setTyped(target.value)}
        />
        <TextField label={t("reason")} value={note} onChange={({ target }) => setNote(target.value)} />
        {problem && (
          <p role="alert" className={styles.warning}>
            {problem}
          </p>
        )}
        <div className={styles.end}>
          <Button onClick={onClose}>{t("cancel")}</Button>
          <Button look="danger" type="submit" disabled={!isMeant}>
            {t("eraseNow")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
