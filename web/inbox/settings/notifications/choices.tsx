import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { Checkbox, Loaded, Select, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";
import { explain } from "../problems";
import { useSettingsWords } from "../words";
import styles from "./notifications.module.css";
import { type NotificationWord, useNotificationWords } from "./words";

type Choice = { kind: string; happens: string; in_app: boolean; mail: string };
const MAILS = ["at_once", "digest", "off"] as const;
const KINDS: readonly NotificationWord[] = [
  "mentioned",
  "assigned",
  "team_assigned",
  "replied",
  "noted",
  "sla_warned",
  "sla_breached",
  "rated_badly",
  "mail_failed",
  "webhook_disabled",
];

/** Each kind with two choices, kept at once; one that could not be kept goes back. */
export function Choices() {
  const t = useNotificationWords();
  const ts = useSettingsWords();
  const client = useClient();
  const toast = useToast();
  const queries = useQueryClient();
  const { id: me } = useUser();
  const { organization_id } = useOrganization();
  const queryKey = ["notification-choices", organization_id];
  const choices = useQuery({
    queryKey,
    queryFn: async () => (await ok(client.rpc("notification_choices", { organization_id }))) as Choice[],
  });
  const nameOf = ({ kind, happens }: Choice) => {
    const word = KINDS.find((each) => each === kind);
    return word ? t(word) : happens;
  };
  async function keep(choice: Choice) {
    const before = choices.data;
    queries.setQueryData<Choice[]>(queryKey, (all) =>
      all?.map((each) => (each.kind === choice.kind ? choice : each)),
    );
    const { kind, in_app, mail } = choice;
    try {
      await ok(
        client
          .from("notification_preferences")
          .upsert(
            { organization_id, user_id: me, kind, in_app, mail },
            { onConflict: "organization_id,kind,user_id" },
          ),
      );
    } catch (error) {
      queries.setQueryData(queryKey, before);
      toast(explain(error, [], ts).text, {
        tone: "danger",
        action: { label: ts("again"), run: () => void keep(choice) },
      });
    }
  }
  return (
    <Loaded query={choices} lines={8}>
      {(all) => (
        <ul className={styles.list}>
          {all.map((choice) => {
            const what = nameOf(choice);
            return (
              <li key={choice.kind} className={styles.row}>
                <span className={styles.what}>{what}</span>
                <Checkbox
                  asSwitch
                  label={t("inApp")}
                  aria-label={t("inAppOf", { what })}
                  checked={choice.in_app}
                  onChange={(event) => void keep({ ...choice, in_app: event.target.checked })}
                />
                <Select
                  label={t("mailOf", { what })}
                  hideLabel
                  value={choice.mail}
                  onChange={(event) => void keep({ ...choice, mail: event.target.value })}
                >
                  {MAILS.map((mail) => (
                    <option key={mail} value={mail}>
                      {t(`mail_${mail}`)}
                    </option>
                  ))}
                </Select>
              </li>
            );
          })}
        </ul>
      )}
    </Loaded>
  );
}
