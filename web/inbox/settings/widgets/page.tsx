import type { Row } from "@kit/api/client";
import { Badge, Checkbox, TextField } from "@kit/ui";
import { useState } from "react";
import { EditDialog } from "../edit_dialog";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { TagsField } from "../tags_field";
import { useSettingsWords } from "../words";
import { InstallDialog } from "./install_dialog";
import { useWidgetWords } from "./words";

type Widget = Row<"chat_widgets">;

export function Page() {
  const t = useWidgetWords();
  const ts = useSettingsWords();
  const widgets = useRows("chat_widgets", ["name"]);
  const table = useTable("chat_widgets");
  const [shown, setShown] = useState<Widget | null>(null);
  return (
    <RecordsPage<Widget>
      title={ts("widgets")}
      intro={t("intro")}
      query={widgets}
      keyOf={(widget) => widget.id}
      nameOf={(widget) => widget.name}
      about={(widget) => widget.domains.join(", ")}
      aside={(widget) => (
        <>
          {widget.needs_identity && <Badge tone="accent">{t("vouched")}</Badge>}
          {!widget.is_active && <Badge>{t("off")}</Badge>}
        </>
      )}
      addLabel={t("add")}
      empty={t("empty")}
      editor={(widget, close) => (
        <WidgetEditor
          widget={widget}
          onClose={close}
          onAdded={(added) => {
            close();
            setShown(added);
          }}
        />
      )}
      remove={(widget) => table.remove({ id: widget.id })}
      removeText={t("removeText")}
      more={[{ label: t("details"), run: setShown }]}
    >
      {shown && <InstallDialog widget={shown} onClose={() => setShown(null)} />}
    </RecordsPage>
  );
}

function WidgetEditor({
  widget,
  onClose,
  onAdded,
}: {
  widget: Widget | null;
  onClose: () => void;
  onAdded: (widget: Widget) => void;
}) {
  const t = useWidgetWords();
  const ts = useSettingsWords();
  const { value, set, isDirty, saving } = useRowForm({
    table: "chat_widgets",
    row: widget,
    fresh: { name: "", domains: [], greeting: "", needs_identity: false, is_active: true },
    after: async (kept) => {
      if (!widget) onAdded(kept);
    },
    onSaved: widget ? onClose : () => {},
  });
  return (
    <EditDialog title={widget ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={ts("name")}
        required
        maxLength={100}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TagsField
        label={t("domains")}
        hint={t("domainsHint")}
        value={value.domains}
        error={saving.at("domains")}
        onChange={(domains) => set("domains", domains)}
      />
      <TextField
        label={t("greeting")}
        hint={t("greetingHint")}
        maxLength={300}
        value={value.greeting}
        error={saving.at("greeting")}
        onChange={(event) => set("greeting", event.target.value)}
      />
      <Checkbox
        label={t("needsIdentity")}
        hint={t("needsIdentityHint")}
        checked={value.needs_identity}
        onChange={(event) => set("needs_identity", event.target.checked)}
      />
      <Checkbox
        label={t("active")}
        checked={value.is_active}
        onChange={(event) => set("is_active", event.target.checked)}
      />
    </EditDialog>
  );
}
