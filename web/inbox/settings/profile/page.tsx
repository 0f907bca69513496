import { useUser } from "@kit/api/session";
import { Loaded, TextField } from "@kit/ui";
import { useOrganization } from "../../shell/organization";
import { Form, useDraft, useSaving } from "../form";
import { PageFrame } from "../frame";
import { TimeZoneField } from "../time_zone";
import { useSettingsWords } from "../words";
import { Picture } from "./picture";
import { type MyProfile, useMyProfile, useSaveProfile } from "./profile";
import { useProfileWords } from "./words";

export function Page() {
  const t = useProfileWords();
  const ts = useSettingsWords();
  const profile = useMyProfile();
  return (
    <PageFrame title={ts("profile")} intro={t("intro")}>
      <Loaded query={profile} lines={6}>
        {(found) => (
          <>
            <Picture profile={found} />
            <ProfileForm profile={found} />
          </>
        )}
      </Loaded>
    </PageFrame>
  );
}

function ProfileForm({ profile }: { profile: MyProfile }) {
  const t = useProfileWords();
  const { name: desk } = useOrganization();
  const { email } = useUser();
  const save = useSaveProfile();
  const { value, set, changes, isDirty, reset } = useDraft(profile);
  const saving = useSaving(async () => {
    await save(changes);
    reset();
  }, ["name", "display_name", "time_zone", "locale"]);
  return (
    <Form saving={saving} isDirty={isDirty}>
      <TextField
        label={t("name")}
        autoComplete="name"
        maxLength={200}
        value={value.name}
        error={saving.at("name")}
        onChange={(event) => set("name", event.target.value)}
      />
      <TextField
        label={t("here", { desk })}
        hint={t("hereHint")}
        maxLength={200}
        value={value.display_name}
        error={saving.at("display_name")}
        onChange={(event) => set("display_name", event.target.value)}
      />
      <TextField label={t("email")} hint={t("emailHint")} value={email} readOnly />
      <TimeZoneField
        label={t("zone")}
        value={value.time_zone}
        error={saving.at("time_zone")}
        onChange={(zone) => set("time_zone", zone)}
      />
      <TextField
        label={t("locale")}
        value={value.locale}
        error={saving.at("locale")}
        onChange={(event) => set("locale", event.target.value)}
      />
    </Form>
  );
}
