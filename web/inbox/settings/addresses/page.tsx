import { type Row, useClient } from "@kit/api/client";
import { Badge, Checkbox, Select, TextField } from "@kit/ui";
import { EditDialog } from "../edit_dialog";
import { Section } from "../frame";
import layout from "../layout.module.css";
import { RecordsPage } from "../records";
import { useRowForm } from "../row_form";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { useAddressWords } from "./words";

type Address = Row<"mail_addresses">;

export function Page() {
  const t = useAddressWords();
  const ts = useSettingsWords();
  const addresses = useRows("mail_addresses", ["address"]);
  const { data: teams } = useRows("teams", ["name"]);
  const table = useTable("mail_addresses");
  return (
    <RecordsPage<Address>
      title={ts("addresses")}
      intro={t("intro")}
      query={addresses}
      keyOf={(address) => address.id}
      nameOf={(address) => address.address}
      about={({ display_name, team_id }) =>
        [display_name, teams?.find((team) => team.id === team_id)?.name].filter(Boolean).join(" · ")
      }
      aside={({ is_default }) => is_default && <Badge tone="accent">{t("default")}</Badge>}
      addLabel={t("add")}
      empty={t("empty")}
      emptyHint={t("emptyHint")}
      editor={(address, close) => (
        <AddressEditor address={address} all={addresses.data ?? []} onClose={close} />
      )}
      remove={(address) => table.remove({ id: address.id })}
      removeText={t("removeText")}
    >
      <Forwarding />
    </RecordsPage>
  );
}

function AddressEditor({
  address,
  all,
  onClose,
}: {
  address: Address | null;
  all: Address[];
  onClose: () => void;
}) {
  const t = useAddressWords();
  const { data: teams } = useRows("teams", ["name"]);
  const table = useTable("mail_addresses");
  const { value, set, isDirty, saving } = useRowForm({
    table: "mail_addresses",
    row: address,
    fresh: { address: "", display_name: "", team_id: null, is_default: false },
    // One is the default: the one before gives way first.
    before: async (next) => {
      const old = all.find((each) => each.is_default && each.id !== address?.id);
      if (next.is_default && old) await table.change({ id: old.id }, { is_default: false });
    },
    onSaved: onClose,
  });
  return (
    <EditDialog title={address ? t("edit") : t("add")} saving={saving} isDirty={isDirty} onClose={onClose}>
      <TextField
        label={t("address")}
        hint={t("addressHint")}
        type="email"
        required
        readOnly={address !== null}
        value={value.address}
        error={saving.at("address")}
        onChange={(event) => set("address", event.target.value.trim().toLowerCase())}
      />
      <TextField
        label={t("sender")}
        hint={t("senderHint")}
        maxLength={200}
        value={value.display_name}
        error={saving.at("display_name")}
        onChange={(event) => set("display_name", event.target.value)}
      />
      <Select
        label={t("team")}
        value={value.team_id ?? ""}
        onChange={(event) => set("team_id", event.target.value || null)}
      >
        <option value="">{t("noTeam")}</option>
        {teams?.map((team) => (
          <option key={team.id} value={team.id}>
            {team.name}
          </option>
        ))}
      </Select>
      <Checkbox
        label={t("isDefault")}
        checked={value.is_default}
        onChange={(event) => set("is_default", event.target.checked)}
      />
    </EditDialog>
  );
}

function Forwarding() {
  const t = useAddressWords();
  const client = useClient();
  // Where the functions answer: beside REST, at the project's address.
  const url = new URL("/functions/v1/inbound/…", (client as unknown as { supabaseUrl: string }).supabaseUrl);
  return (
    <Section title={t("how")}>
      <ol className={layout.steps}>
        <li>{t("how1")}</li>
        <li>{t("how2", { url: decodeURI(url.href) })}</li>
        <li>{t("how3")}</li>
        <li>{t("how4")}</li>
      </ol>
    </Section>
  );
}
