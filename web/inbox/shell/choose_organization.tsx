import { Button, Empty, Loaded } from "@kit/ui";
import { Navigate, useNavigate } from "react-router";
import { useMemberships } from "./organization";
import styles from "./shell.module.css";
import { useShellWords } from "./words";

/** Where somebody without an address in mind begins: at their only organization, or at a choice. */
export function ChooseOrganization() {
  const t = useShellWords();
  const navigate = useNavigate();
  const memberships = useMemberships();
  return (
    <main className={styles.choice}>
      <Loaded query={memberships}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t("noDesk")}>{t("noDeskHint")}</Empty>
          ) : all.length === 1 && all[0] ? (
            <Navigate to={`/${all[0].slug}`} replace />
          ) : (
            <>
              <h1>{t("chooseDesk")}</h1>
              {all.map((each) => (
                <Button key={each.organization_id} onClick={() => navigate(`/${each.slug}`)}>
                  {each.name}
                </Button>
              ))}
            </>
          )
        }
      </Loaded>
    </main>
  );
}
