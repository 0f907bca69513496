/** /portal/ names no organization: those the reader writes to, else how to find one. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Empty, Loaded } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { LifeBuoy } from "lucide-react";
import { Link, Navigate } from "react-router";
import { useSession } from "../account/session";
import styles from "./layout.module.css";
import { useShellWords } from "./words";

export function ChooseDesk() {
  const t = useShellWords();
  const client = useClient();
  const { user } = useSession();
  const desks = useQuery({
    queryKey: ["my desks", user?.id],
    queryFn: () => (user ? ok(client.rpc("my_desks")) : []),
  });
  return (
    <Loaded query={desks}>
      {(all) => {
        const [only, ...others] = all;
        if (only && others.length === 0) return <Navigate to={`/${only.slug}`} replace />;
        return (
          <main className={styles.alone}>
            <Empty title={t("whichDesk")} icon={<LifeBuoy />}>
              {all.length === 0 && t("whichDeskMore")}
            </Empty>
            <ul className={styles.desks}>
              {all.map((each) => (
                <li key={each.id}>
                  <Link to={`/${each.slug}`}>{each.name}</Link>
                </li>
              ))}
            </ul>
          </main>
        );
      }}
    </Loaded>
  );
}
