import type { Row } from "@kit/api/client";
import { Badge, Select, TextArea, TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { VariablesHint } from "../variables";
import { useSettingsWords } from "../words";
import { useCannedWords } from "./words";

type Response = Row<"canned_responses">;

export function Page() {
  const t = useCannedWords();
  const ts = useSettingsWords();
  const responses = useRows("canned_responses", ["shortcut"]);
  const { data: teams } = useRows("teams", ["name"]);
  const table = useTable("canned_responses");
  return (
    <RecordsPage<Response>
      title={ts("canned")}
      intro={t("intro")}
      query={responses}
      keyOf={(response) => response.id}
      nameOf={(response) => response.title}
      about={({ shortcut, body }) => (
        <>
          <code>/{shortcut}</code> · {body.slice(0, 120)}
        </>
      )}
      aside={({ team_id }) => {
        const team = teams?.find((each) => each.id === team_id);
        return team && <Badge>{team.name}</Badge>;
      }}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(response, close) => <ResponseEditor response={response} onClose={close} />}
      remove={(response) => table.remove({ id: response.id })}
    />
  );
}

function ResponseEditor({ response, onClose }: { response: Response | null; onClose: () => void }) {
  const t = useCannedWords();
  const { data: teams } = useRows("teams", ["name"]);
  const { value, set, isDirty, saving } = useRowForm({
    table: "canned_responses",
    row: response,
    fresh: { title: "", shortcut: "", body: "", team_id: null },
    onSaved: onClose,
  });
  const aboutText = /variable/.test(saving.problem?.text ?? "") ? saving.problem?.text : undefined;
  return (
    <EditDialog
      wide
      title={response ? t("edit") : t("add")}
      saving={saving}
      isDirty={isDirty}
      onClose={onClose}
    >
      <TextField
        label={t("title")}
        required
        maxLength={200}
        value={value.title}
        error={saving.at("title")}
        onChange={(event) => set("title", event.target.value)}
      />
      <TextField
        label={t("shortcut")}
        hint={t("shortcutHint")}
        required
        maxLength={40}
        value={value.shortcut}
        error={saving.at("shortcut")}
        onChange={(event) => set("shortcut", event.target.value.toLowerCase())}
      />
      <TextArea
        label={t("body")}
        required
        rows={8}
        maxLength={20_000}
        value={value.body}
        error={saving.at("body") ?? aboutText}
        onChange={(event) => set("body", event.target.value)}
      />
      <VariablesHint />
      <Select
        label={t("team")}
        value={value.team_id ?? ""}
        onChange={(event) => set("team_id", event.target.value || null)}
      >
        <option value="">{t("everybody")}</option>
        {teams?.map((team) => (
          <option key={team.id} value={team.id}>
            {team.name}
          </option>
        ))}
      </Select>
    </EditDialog>
  );
}
