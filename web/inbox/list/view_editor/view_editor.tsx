/** The window in which a view is made or changed. */
import { problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Button, Checkbox, Dialog, Select, TextField, useToast } from "@kit/ui";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { ALWAYS, type Condition, isUnfinished } from "../../conditions/conditions";
import { ConditionsEditor } from "../../conditions/editor";
import { useTeams } from "../../shell/desk";
import { useOrganization } from "../../shell/organization";
import { FACTS, type Fact, factsOf } from "../display";
import { SORTS, type Sort } from "../order";
import type { View } from "../views";
import { useListWords } from "../words";
import styles from "./view_editor.module.css";
import { useViewWords } from "./words";
import { type Draft, useWriteViews } from "./write_views";

const MINE = "mine";
const EVERYBODY = "everybody";

export function ViewEditor({ view, onClose }: { view: View | null; onClose: () => void }) {
  const t = useViewWords();
  const said = useListWords();
  const me = useUser();
  const navigate = useNavigate();
  const toast = useToast();
  const { slug, atLeast } = useOrganization();
  const teams = useTeams().data ?? [];
  const { add, change, remove } = useWriteViews();
  const [name, setName] = useState(view?.name ?? "");
  const [whose, setWhose] = useState(view ? (view.user_id ? MINE : (view.team_id ?? EVERYBODY)) : MINE);
  const [conditions, setConditions] = useState<Condition>(
    (view?.conditions as Condition | undefined) ?? USUAL,
  );
  const [sort, setSort] = useState<Sort>(view?.sort ?? "last_message_at");
  const [ascending, setAscending] = useState(view?.ascending ?? false);
  const [facts, setFacts] = useState<ReadonlySet<Fact>>(() => factsOf(view?.columns));
  const [busy, setBusy] = useState(false);
  const [isSure, setSure] = useState(false);
  const [wrong, setWrong] = useState<{ name?: string; conditions?: string; all?: string }>({});

  const attempt = async (run: () => Promise<void>) => {
    setBusy(true);
    try {
      await run();
      onClose();
    } catch (error) {
      setWrong({ all: t("failed", { problem: problemOf(error).message }) });
      setBusy(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const missing = {
      ...(name.trim() ? {} : { name: t("needName") }),
      ...(isUnfinished(conditions) ? { conditions: t("unfinished") } : {}),
    };
    setWrong(missing);
    if (Object.keys(missing).length > 0) return;
    const draft: Draft = {
      name: name.trim(),
      user_id: whose === MINE ? me.id : null,
      team_id: whose === MINE || whose === EVERYBODY ? null : whose,
      conditions: conditions as Draft["conditions"],
      sort,
      ascending,
      columns: FACTS.filter((each) => facts.has(each)),
    };
    void attempt(async () => {
      if (view) await change(view.id, draft);
      else navigate(`/${slug}/view/${await add(draft)}`);
    });
  };
  const drop = (gone: View) =>
    attempt(async () => {
      // Away from it first: what is not there any more cannot be read anew.
      navigate(`/${slug}`);
      await remove(gone.id);
      const { id: _, position: __, ...draft } = gone;
      toast(t("removed", { name: gone.name }), {
        action: { label: t("undo"), run: () => void add(draft) },
      });
    });
  return (
    <Dialog title={t(view ? "editView" : "newView")} onClose={onClose} wide>
      <form className={styles.form} onSubmit={submit} noValidate>
        <div className={styles.two}>
          <TextField
            label={t("name")}
            value={name}
            maxLength={100}
            error={wrong.name}
            onChange={({ target }) => setName(target.value)}
          />
          {atLeast("manager") && (
            <Select label={t("whose")} value={whose} onChange={({ target }) => setWhose(target.value)}>
              <option value={MINE}>{t("mine")}</option>
              <option value={EVERYBODY}>{t("everybody")}</option>
              {teams.map((each) => (
                <option key={each.id} value={each.id}>
                  {t("teamOf", { name: each.name })}
                </option>
              ))}
            </Select>
          )}
        </div>
        <ConditionsEditor
          label={t("conditions")}
          value={conditions}
          onChange={setConditions}
          error={wrong.conditions}
          forViews
        />
        <div className={styles.two}>
          <Select label={t("sort")} value={sort} onChange={({ target }) => setSort(target.value as Sort)}>
            {SORTS.map((each) => (
              <option key={each} value={each}>
                {said(each)}
              </option>
            ))}
          </Select>
          <Select
            label={t("direction")}
            value={String(ascending)}
            onChange={({ target }) => setAscending(target.value === "true")}
          >
            <option value="false">{said("descending")}</option>
            <option value="true">{said("ascending")}</option>
          </Select>
        </div>
        <fieldset className={styles.facts}>
          <legend>
            {t("columns")} <span className={styles.hint}>{t("columnsHint")}</span>
          </legend>
          {FACTS.map((each) => (
            <Checkbox
              key={each}
              label={t(each)}
              checked={facts.has(each)}
              onChange={({ target }) =>
                setFacts((old) => {
                  const next = new Set(old);
                  if (target.checked) next.add(each);
                  else next.delete(each);
                  return next;
                })
              }
            />
          ))}
        </fieldset>
        {wrong.all && (
          <p role="alert" className={styles.wrong}>
            {wrong.all}
          </p>
        )}
        <div className={styles.end}>
          {view && (
            <Button look="danger" busy={busy} onClick={() => (isSure ? void drop(view) : setSure(true))}>
              {t(isSure ? "reallyRemove" : "remove")}
            </Button>
          )}
          <span className={styles.gap} />
          <Button look="primary" type="submit" busy={busy}>
            {t(view ? "save" : "make")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Where a new view begins. */
const USUAL: Condition = {
  all: [...("all" in ALWAYS ? ALWAYS.all : []), { field: "status_category", op: "is", value: "open" }],
};
