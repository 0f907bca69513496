import { useClient } from "@kit/api/client";
import { IconButton, Menu, MenuItem } from "@kit/ui";
import { CircleUser } from "lucide-react";
import { Link, NavLink } from "react-router";
import { useSession } from "../account/session";
import { useCentre } from "./centre";
import styles from "./layout.module.css";
import { useShellWords } from "./words";

export function Header() {
  const t = useShellWords();
  const { slug, name, logo_url, takes_tickets } = useCentre();
  const { user } = useSession();
  return (
    <header className={styles.header}>
      <div className={styles.bar}>
        <Link to={`/${slug}`} className={styles.brand}>
          {logo_url ? (
            <img src={logo_url} alt="" referrerPolicy="no-referrer" />
          ) : (
            <span aria-hidden className={styles.mark}>
              {Array.from(name)[0]?.toLocaleUpperCase()}
            </span>
          )}
          <span className={styles.name} dir="auto">
            {name}
          </span>
        </Link>
        <nav aria-label={t("mainNavigation")} className={styles.navigation}>
          <NavLink to={`/${slug}`} end>
            {t("help")}
          </NavLink>
          {(takes_tickets || user) && (
            <NavLink to={`/${slug}/tickets`} end={false}>
              {t("myTickets")}
            </NavLink>
          )}
          {user ? <Account email={user.email} /> : takes_tickets && <SignInLink slug={slug} />}
        </nav>
      </div>
    </header>
  );
}

function SignInLink({ slug }: { slug: string }) {
  const t = useShellWords();
  return (
    <NavLink to={`/${slug}/sign-in`} className={styles.signIn}>
      {t("signIn")}
    </NavLink>
  );
}

function Account({ email }: { email: string }) {
  const t = useShellWords();
  const client = useClient();
  return (
    <Menu
      trigger={
        <IconButton label={t("account")}>
          <CircleUser />
        </IconButton>
      }
    >
      <MenuItem
        label={t("signOut")}
        hint={email}
        onSelect={() => void client.auth.signOut({ scope: "local" })}
      />
    </Menu>
  );
}
