import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Loaded } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { CodeForm } from "./code_form";
import styles from "./sign_in.module.css";
import { useAccountWords } from "./words";

const SVG = "data:image/svg+xml;utf-8,";

/** A new factor: its picture, its key, and the first code, which turns it on. */
export function Enrolment({ onDone }: { onDone: () => void }) {
  const t = useAccountWords();
  const client = useClient();
  const begun = useQuery({
    queryKey: ["enrolment"],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
    queryFn: async () => {
      // What was begun before and never proved would only be in the way.
      const { all } = await ok(client.auth.mfa.listFactors());
      for (const factor of all.filter(({ status }) => status !== "verified"))
        await ok(client.auth.mfa.unenroll({ factorId: factor.id }));
      return ok(client.auth.mfa.enroll({ factorType: "totp", friendlyName: "pgdesk", issuer: "pgdesk" }));
    },
  });
  return (
    <Loaded query={begun} lines={4}>
      {({ id, totp }) => (
        <div className={styles.code}>
          <p>{t("enrolHint")}</p>
          <img
            className={styles.qr}
            src={pictureOf(totp.qr_code)}
            alt={t("picture")}
            width="180"
            height="180"
          />
          <p>
            {t("byHand")} <code className={styles.key}>{totp.secret}</code>
          </p>
          <CodeForm factorId={id} action={t("turnOn")} onVerified={onDone} />
        </div>
      )}
    </Loaded>
  );
}

/** The library gives the picture as it is, in which a "#" would end the address. */
const pictureOf = (qr: string) =>
  qr.startsWith(SVG) ? `data:image/svg+xml,${encodeURIComponent(qr.slice(SVG.length))}` : qr;
