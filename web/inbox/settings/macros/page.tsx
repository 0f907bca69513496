import type { Row } from "@kit/api/client";
import { TextField } from "@kit/ui";
import { useState } from "react";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { VariablesHint } from "../variables";
import { useSettingsWords } from "../words";
import { type Action, freshAction, stepOf } from "./actions";
import { ActionsEditor } from "./actions_editor";
import { useMacroWords } from "./words";

type Macro = Row<"macros">;

export function Page() {
  const t = useMacroWords();
  const ts = useSettingsWords();
  const macros = useRows("macros", ["name"]);
  const table = useTable("macros");
  return (
    <RecordsPage<Macro>
      title={ts("macros")}
      intro={t("intro")}
      query={macros}
      keyOf={(macro) => macro.id}
      nameOf={(macro) => macro.name}
      about={(macro) => (macro.actions as Action[]).map((action) => t(action.do)).join(" → ")}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(macro, close) => <MacroEditor macro={macro} onClose={close} />}
      remove={(macro) => table.remove({ id: macro.id })}
    />
  );
}

function MacroEditor({ macro, onClose }: { macro: Macro | null; onClose: () => void }) {
  const t = useMacroWords();
  const ts = useSettingsWords();
  const [steps, setSteps] = useState(() =>
    macro ? (macro.actions as Action[]).map(stepOf) : [stepOf(freshAction("reply"))],
  );
  const { value, set, isDirty, saving } = useRowForm({
    table: "macros",
    row: macro,
    fresh: { name: "", actions: steps.map(({ action }) => action) },
    onSaved: onClose,
  });
  // "action 2: …", as the database says it.
  const wrong = Number(/^action (\d+):/.exec(saving.problem?.text ?? "")?.[1] ?? 0);
  return (
    <EditDialog wide title={macro ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={ts("name")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <ActionsEditor
        steps={steps}
        wrong={wrong}
        onChange={(next) => {
          setSteps(next);
          set(
            "actions",
            next.map(({ action }) => action),
          );
        }}
      />
      <VariablesHint />
    </EditDialog>
  );
}
