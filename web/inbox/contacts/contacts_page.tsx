import { Button } from "@kit/ui";
import { Plus } from "lucide-react";
import { Suspense, useState } from "react";
import { Link, NavLink, Outlet, useMatch, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { EditCompany } from "./edit_company";
import { EditContact } from "./edit_contact";
import styles from "./page.module.css";
import { useContactWords } from "./words";

/** People, companies and duplicates: a tab each. */
export function ContactsPage() {
  const t = useContactWords();
  const navigate = useNavigate();
  const { slug, atLeast } = useOrganization();
  const inCompanies = useMatch("/:slug/contacts/companies/*") !== null;
  const inDuplicates = useMatch("/:slug/contacts/duplicates") !== null;
  const inPeople = !inCompanies && !inDuplicates;
  const [makes, setMakes] = useState(false);
  const base = `/${slug}/contacts`;
  const what = inCompanies ? t("newCompany") : t("newContact");
  useCommands(
    atLeast("agent")
      ? [{ id: "contacts.new", label: what, keys: "c", group: t("title"), run: () => setMakes(true) }]
      : [],
  );
  const close = () => setMakes(false);
  return (
    <main className={styles.page}>
      <nav className={styles.tabs} aria-label={t("title")}>
        <h1>{t("title")}</h1>
        <Link className={styles.tab} to={base} aria-current={inPeople ? "page" : undefined}>
          {t("people")}
        </Link>
        <NavLink className={styles.tab ?? ""} to={`${base}/companies`}>
          {t("companies")}
        </NavLink>
        <NavLink className={styles.tab ?? ""} to={`${base}/duplicates`}>
          {t("duplicates")}
        </NavLink>
        <span className={styles.push} />
        {atLeast("agent") && (
          <Button small look="primary" onClick={() => setMakes(true)}>
            <Plus size={15} aria-hidden /> {what}
          </Button>
        )}
      </nav>
      <Suspense>
        <Outlet />
      </Suspense>
      {makes &&
        (inCompanies ? (
          <EditCompany onClose={close} onMade={(id) => navigate(`${base}/companies/${id}`)} />
        ) : (
          <EditContact onClose={close} onMade={(id) => navigate(`${base}/${id}`)} />
        ))}
    </main>
  );
}
