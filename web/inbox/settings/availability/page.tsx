import { useUser } from "@kit/api/session";
import { defineWords, useWords } from "@kit/i18n";
import { Loaded, Select, TextField } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import {
  AVAILABILITIES,
  type Availability,
  useAvailability,
  useSetAvailability,
} from "../../account/availability";
import { useAccountWords } from "../../account/words";
import { Form, useDraft, useSaving } from "../form";
import { PageFrame } from "../frame";
import { useTable } from "../rows";
import { useSettingsWords } from "../words";

const words = defineWords({
  en: {
    intro: "Whether tickets are given to you, and how many at once.",
    status: "I am",
    capacity: "Open tickets at once, at most",
    capacityHint: "Those that wait for the contact do not count.",
  },
  ar: {
    intro: "هل تُعطى تذاكر، وكم منها معًا.",
    status: "أنا",
    capacity: "أقصى عدد تذاكر مفتوحة معًا",
    capacityHint: "ما ينتظر العميل لا يُحسب.",
  },
});
const USUAL = { status: "away", capacity: 10 };

export function Page() {
  const t = useWords(words);
  const ts = useSettingsWords();
  const availability = useAvailability();
  return (
    <PageFrame title={ts("availability")} intro={t("intro")}>
      <Loaded query={availability} lines={3}>
        {(found) => <AvailabilityForm kept={found ?? USUAL} />}
      </Loaded>
    </PageFrame>
  );
}

function AvailabilityForm({ kept }: { kept: typeof USUAL }) {
  const t = useWords(words);
  const ta = useAccountWords();
  const queries = useQueryClient();
  const { id: me } = useUser();
  const setStatus = useSetAvailability();
  const table = useTable("member_availability");
  const { value, changes, set, isDirty, reset } = useDraft(kept);
  const saving = useSaving(async () => {
    // First: it makes the row where there is none.
    await setStatus(value.status as Availability);
    if (changes.capacity !== undefined) await table.change({ user_id: me }, { capacity: changes.capacity });
    await queries.invalidateQueries({ queryKey: ["my-availability"] });
    reset();
  }, ["capacity"]);
  return (
    <Form saving={saving} isDirty={isDirty}>
      <Select
        label={t("status")}
        value={value.status}
        onChange={(event) => set("status", event.target.value)}
      >
        {AVAILABILITIES.map((each) => (
          <option key={each} value={each}>
            {ta(each)}
          </option>
        ))}
      </Select>
      <TextField
        label={t("capacity")}
        hint={t("capacityHint")}
        type="number"
        min={0}
        max={1000}
        value={value.capacity}
        error={saving.at("capacity")}
        onChange={(event) => set("capacity", event.target.valueAsNumber || 0)}
      />
    </Form>
  );
}
