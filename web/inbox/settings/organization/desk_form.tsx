import { Checkbox, Select, TextArea, TextField } from "@kit/ui";
import { DurationField } from "../duration_field";
import { Form, useDraft, useSaving } from "../form";
import { Section } from "../frame";
import styles from "../layout.module.css";
import { type Desk, useSaveDesk } from "./desk";
import { useOrganizationWords } from "./words";

const FIELDS = [
  "name",
  "language",
  "solve_after",
  "close_after",
  "ask_csat_after",
  "reopen_within",
  "reopen_for",
] as const;

export function DeskForm({ desk }: { desk: Desk }) {
  const t = useOrganizationWords();
  const save = useSaveDesk(desk);
  const { value, changes, set, isDirty, reset } = useDraft(desk);
  const saving = useSaving(async () => {
    await save(changes);
    reset();
  }, FIELDS);
  const asksInVain = /second factor/.test(saving.problem?.text ?? "");
  return (
    <Form saving={saving} isDirty={isDirty}>
      <TextField
        label={t("name")}
        hint={t("nameHint")}
        required
        maxLength={200}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <div className={styles.columns}>
        <TextField label={t("address")} hint={t("addressHint")} value={value.slug} readOnly />
        <TextField
          label={t("language")}
          hint={t("languageHint")}
          value={value.language}
          error={saving.at("language")}
          onChange={(event) => set("language", event.target.value)}
        />
      </div>
      <Section title={t("contact")}>
        <Checkbox
          label={t("portal")}
          checked={value.portal}
          onChange={(event) => set("portal", event.target.checked)}
        />
        <Checkbox
          label={t("receipts")}
          checked={value.receipts}
          onChange={(event) => set("receipts", event.target.checked)}
        />
        <TextArea
          label={t("style")}
          hint={t("styleHint")}
          maxLength={2000}
          value={value.reply_style}
          onChange={(event) => set("reply_style", event.target.value)}
        />
      </Section>
      <Section title={t("waiting")}>
        <div className={`${styles.columns} ${styles.foot}`}>
          {(["solve_after", "close_after", "ask_csat_after"] as const).map((field) => (
            <DurationField
              key={field}
              label={t(field)}
              none={t(field === "ask_csat_after" ? "notAsked" : "never")}
              value={value[field]}
              error={saving.at(field)}
              onChange={(next) => set(field, next)}
            />
          ))}
        </div>
      </Section>
      <Section title={t("reopening")}>
        <div className={styles.columns}>
          <DurationField
            label={t("reopen_within")}
            none={t("always")}
            value={value.reopen_within}
            error={saving.at("reopen_within")}
            onChange={(next) => set("reopen_within", next)}
          />
          <Select
            label={t("reopen_for")}
            value={value.reopen_for}
            onChange={(event) => set("reopen_for", event.target.value)}
          >
            {(["assignee", "team", "assignee_at_work"] as const).map((whose) => (
              <option key={whose} value={whose}>
                {t(`reopen_for_${whose}`)}
              </option>
            ))}
          </Select>
        </div>
        <Checkbox
          label={t("reopen_closed")}
          checked={value.reopen_closed}
          onChange={(event) => set("reopen_closed", event.target.checked)}
        />
        <Checkbox
          label={t("thanks_stay_solved")}
          checked={value.thanks_stay_solved}
          onChange={(event) => set("thanks_stay_solved", event.target.checked)}
        />
      </Section>
      <Section title={t("safety")}>
        <Checkbox
          label={t("require_mfa")}
          hint={asksInVain ? t("mfaFirst") : t("mfaHint")}
          checked={value.require_mfa}
          onChange={(event) => set("require_mfa", event.target.checked)}
        />
      </Section>
    </Form>
  );
}
