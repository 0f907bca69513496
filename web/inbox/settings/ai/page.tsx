import { useLanguage } from "@kit/i18n";
import { Checkbox, Loaded, Select, TextField } from "@kit/ui";
import { useOrganization } from "../../shell/organization";
import { useAct } from "../act";
import { Form, useDraft, useSaving } from "../form";
import { PageFrame, Section } from "../frame";
import layout from "../layout.module.css";
import { type Desk, useDesk, useSaveDesk } from "../organization/desk";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { MOST_RUNS, useRuns } from "./ai";
import { Playground } from "./playground";
import { useAiWords } from "./words";

const MODES = ["off", "draft", "auto"] as const;

export function Page() {
  const t = useAiWords();
  const ts = useSettingsWords();
  const { atLeast } = useOrganization();
  const desk = useDesk();
  return (
    <PageFrame title={ts("ai")} intro={t("intro")}>
      {atLeast("admin") && (
        <Loaded query={desk} lines={4}>
          {(found) => <Mode desk={found} />}
        </Loaded>
      )}
      <Section title={t("sensitive")} intro={t("sensitiveHint")}>
        <SensitiveCategories />
      </Section>
      <Section title={t("runs")} intro={t("runsHint")}>
        <RunsOf30Days />
      </Section>
      <Section title={t("playground")} intro={t("playgroundHint")}>
        <Playground />
      </Section>
    </PageFrame>
  );
}

function Mode({ desk }: { desk: Desk }) {
  const t = useAiWords();
  const save = useSaveDesk(desk);
  const { value, changes, set, isDirty, reset } = useDraft(desk);
  const saving = useSaving(async () => {
    await save(changes);
    reset();
  }, ["ai_mode", "ai_threshold"]);
  return (
    <Form saving={saving} isDirty={isDirty}>
      <div className={layout.columns}>
        <Select
          label={t("mode")}
          hint={t(`${value.ai_mode as "off"}Hint`)}
          value={value.ai_mode}
          error={saving.at("ai_mode")}
          onChange={(event) => set("ai_mode", event.target.value)}
        >
          {MODES.map((mode) => (
            <option key={mode} value={mode}>
              {t(mode)}
            </option>
          ))}
        </Select>
        <TextField
          label={t("threshold")}
          hint={t("thresholdHint")}
          type="number"
          min={0}
          max={1}
          step={0.01}
          required
          value={Math.round(value.ai_threshold * 100) / 100}
          error={saving.at("ai_threshold")}
          onChange={(event) => set("ai_threshold", Number(event.target.value))}
        />
      </div>
    </Form>
  );
}

/** What is asked about these goes to a person, whatever the AI thinks of it. */
function SensitiveCategories() {
  const t = useAiWords();
  const act = useAct();
  const categories = useRows("ticket_categories", ["name"]);
  const table = useTable("ticket_categories");
  return (
    <Loaded query={categories}>
      {(all) =>
        all.length === 0 ? (
          <p className={layout.muted}>{t("noCategories")}</p>
        ) : (
          <div className={layout.columns}>
            {all.map((category) => (
              <Checkbox
                key={category.id}
                asSwitch
                label={category.name}
                checked={category.sensitive}
                onChange={(event) => {
                  const sensitive = event.target.checked;
                  act(() => table.change({ id: category.id }, { sensitive }));
                }}
              />
            ))}
          </div>
        )
      }
    </Loaded>
  );
}

function RunsOf30Days() {
  const t = useAiWords();
  const { language } = useLanguage();
  const runs = useRuns();
  const money = new Intl.NumberFormat(language, {
    style: "currency",
    currency: "USD",
    maximumFractionDigits: 4,
  });
  return (
    <Loaded query={runs} lines={2}>
      {({ count, failed, cost, costToday, isCapped }) => (
        <>
          <p>{t("counted", { count, failed })}</p>
          <p>{t("spent", { cost: money.format(cost), today: money.format(costToday) })}</p>
          {isCapped && <p className={layout.muted}>{t("capped", { count: MOST_RUNS })}</p>}
        </>
      )}
    </Loaded>
  );
}
