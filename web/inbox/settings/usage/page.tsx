/** What the desk uses of its plan, and what its AI did today. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useLanguage } from "@kit/i18n";
import { Loaded } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";
import { PageFrame } from "../frame";
import { useSettingsWords } from "../words";
import styles from "./usage.module.css";
import { useUsageWords } from "./words";

const BYTES = "storage";
const MB = 1_048_576;
/** From here on a bar says that it is nearly full. */
const NEARLY = 0.8;

export function Page() {
  const t = useUsageWords();
  const ts = useSettingsWords();
  const client = useClient();
  const { language } = useLanguage();
  const { organization_id } = useOrganization();
  const usage = useQuery({
    queryKey: ["usage", organization_id],
    queryFn: async () =>
      (await ok(client.rpc("usage", { organization_id }))) as {
        what: string;
        used: number;
        allowed: number | null;
      }[],
  });
  const plain = new Intl.NumberFormat(language);
  const megabytes = new Intl.NumberFormat(language, {
    style: "unit",
    unit: "megabyte",
    maximumFractionDigits: 1,
  });
  const amount = (what: string, value: number) =>
    what === BYTES ? megabytes.format(value / MB) : plain.format(value);
  return (
    <PageFrame title={ts("usage")} intro={t("intro")}>
      <Loaded query={usage} lines={6}>
        {(rows) => (
          <ul className={styles.list}>
            {rows.map(({ what, used, allowed }) => {
              const name = t(what as "contacts");
              const share = allowed ? used / allowed : 0;
              const values = { used: amount(what, used), allowed: amount(what, allowed ?? 0) };
              return (
                <li key={what} className={styles.row}>
                  <div className={styles.head}>
                    <h3>{name}</h3>
                    <span>{allowed === null ? t("unlimited", values) : t("of", values)}</span>
                  </div>
                  {allowed !== null && (
                    <div
                      className={styles.bar}
                      aria-hidden
                      data-full={share >= 1 ? "full" : share >= NEARLY ? "nearly" : undefined}
                    >
                      <div style={{ inlineSize: `${Math.min(100, share * 100)}%` }} />
                    </div>
                  )}
                  <p className={styles.hint}>{t(`${what}Hint` as "contactsHint")}</p>
                </li>
              );
            })}
          </ul>
        )}
      </Loaded>
    </PageFrame>
  );
}
