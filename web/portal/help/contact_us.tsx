import { useCentre } from "../shell/centre";
import { LinkButton } from "../shell/link_button";
import styles from "./help.module.css";
import { useHelpWords } from "./words";

/** The way to a person, below everything that might have spared it. */
export function ContactUs() {
  const t = useHelpWords();
  const { slug, takes_tickets } = useCentre();
  if (!takes_tickets) return null;
  return (
    <aside className={styles.contact} aria-label={t("writeToUs")}>
      <div>
        <p className={styles.contactTitle}>{t("stillStuck")}</p>
        <p className={styles.muted}>{t("stillStuckMore")}</p>
      </div>
      <LinkButton to={`/${slug}/tickets/new`}>{t("writeToUs")}</LinkButton>
    </aside>
  );
}
