import { Navigate } from "react-router";
import { useCentre } from "../shell/centre";
import styles from "./account.module.css";
import { LinkForm } from "./link_form";
import { useSession } from "./session";
import { useAccountWords } from "./words";

export function SignInPage() {
  const t = useAccountWords();
  const { slug, name } = useCentre();
  const { user } = useSession();
  if (user) return <Navigate to={`/${slug}/tickets`} replace />;
  return (
    <div className={styles.page}>
      <title>{`${t("title")} · ${name}`}</title>
      <div className={styles.card}>
        <h1>{t("title")}</h1>
        <LinkForm backTo={`/${slug}/tickets`} />
      </div>
    </div>
  );
}
