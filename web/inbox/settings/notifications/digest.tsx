import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useLanguage } from "@kit/i18n";
import { Button, Loaded, Select } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";
import { Form, useDraft, useSaving } from "../form";
import layout from "../layout.module.css";
import { TimeZoneField } from "../time_zone";
import styles from "./notifications.module.css";
import { useNotificationWords } from "./words";

type Settings = {
  digest: string;
  digest_hour: number;
  time_zone: string;
  mail_stopped_at: string | null;
  mail_stopped_because: string | null;
};
const USUAL: Settings = {
  digest: "daily",
  digest_hour: 8,
  time_zone: "",
  mail_stopped_at: null,
  mail_stopped_because: null,
};

export function Digest() {
  const client = useClient();
  const { id: me } = useUser();
  const { organization_id } = useOrganization();
  const settings = useQuery({
    queryKey: ["notification_settings", organization_id],
    queryFn: async (): Promise<Settings> => {
      const found = await ok(
        client
          .from("notification_settings")
          .select("digest,digest_hour,time_zone,mail_stopped_at,mail_stopped_because")
          .eq("organization_id", organization_id)
          .eq("user_id", me)
          .maybeSingle(),
      );
      return found ? { ...found, time_zone: found.time_zone ?? "" } : USUAL;
    },
  });
  return (
    <Loaded query={settings} lines={2}>
      {(found) => <DigestForm settings={found} />}
    </Loaded>
  );
}

function DigestForm({ settings }: { settings: Settings }) {
  const t = useNotificationWords();
  const client = useClient();
  const queries = useQueryClient();
  const { language } = useLanguage();
  const { organization_id } = useOrganization();
  const { value, set, isDirty, reset } = useDraft(settings);
  const write = async (mail: boolean) => {
    const { digest, digest_hour, time_zone } = value;
    await ok(
      client.rpc("set_digest", {
        organization_id,
        digest,
        digest_hour,
        mail,
        ...(time_zone ? { time_zone } : {}),
      }),
    );
    await queries.invalidateQueries({ queryKey: ["notification_settings", organization_id] });
  };
  const saving = useSaving(async () => {
    await write(settings.mail_stopped_at === null);
    reset();
  }, ["digest_hour", "time_zone"]);
  const turning = useSaving(() => write(settings.mail_stopped_at !== null));
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "short", timeZone: "UTC" });
  return (
    <>
      {settings.mail_stopped_at && (
        <p className={styles.stopped}>
          {t("stopped", { why: settings.mail_stopped_because ?? t("stoppedByLink") })}
        </p>
      )}
      <Form saving={saving} isDirty={isDirty}>
        <div className={layout.columns}>
          <Select
            label={t("how")}
            value={value.digest}
            onChange={(event) => set("digest", event.target.value)}
          >
            <option value="daily">{t("daily")}</option>
            <option value="hourly">{t("hourly")}</option>
          </Select>
          {value.digest === "daily" && (
            <Select
              label={t("hour")}
              value={value.digest_hour}
              onChange={(event) => set("digest_hour", Number(event.target.value))}
            >
              {Array.from({ length: 24 }, (_, hour) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: an hour is its number
                <option key={hour} value={hour}>
                  {clock.format(hour * 3_600_000)}
                </option>
              ))}
            </Select>
          )}
          <TimeZoneField
            label={t("zone")}
            placeholder={t("zoneNone")}
            value={value.time_zone}
            error={saving.at("time_zone")}
            onChange={(zone) => set("time_zone", zone)}
          />
        </div>
      </Form>
      <div>
        <Button small look="quiet" busy={turning.state === "busy"} onClick={() => void turning.run()}>
          {settings.mail_stopped_at ? t("resume") : t("noneAtAll")}
        </Button>
      </div>
    </>
  );
}
