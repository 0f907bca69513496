import { useClient } from "@kit/api/client";
import { useUser } from "@kit/api/session";
import { LANGUAGES, type Language, useLanguage } from "@kit/i18n";
import { IconButton, Menu, MenuItem, MenuLine } from "@kit/ui";
import { applyTheme, keptTheme } from "@kit/ui/theme";
import {
  BookOpen,
  ChartColumn,
  CircleUser,
  Command,
  Contact,
  Inbox,
  MessagesSquare,
  Settings,
} from "lucide-react";
import type { ReactNode } from "react";
import { NavLink, useNavigate } from "react-router";
import { AvailabilityItems } from "../account/availability";
import { useCommandBar } from "../commands/registry";
import { Bell } from "../notifications/bell";
import { useUnread } from "../rooms/room";
import { type Role, useMemberships, useOrganization } from "./organization";
import styles from "./shell.module.css";
import { useShellWords } from "./words";

type Place = {
  path: string;
  word: "inbox" | "contacts" | "rooms" | "reports" | "knowledge" | "settings";
  icon: ReactNode;
  from?: Role;
};

const PLACES: Place[] = [
  { path: "", word: "inbox", icon: <Inbox /> },
  { path: "contacts", word: "contacts", icon: <Contact /> },
  { path: "rooms", word: "rooms", icon: <MessagesSquare /> },
  { path: "reports", word: "reports", icon: <ChartColumn /> },
  { path: "knowledge", word: "knowledge", icon: <BookOpen /> },
  { path: "settings", word: "settings", icon: <Settings /> },
];

export function Navigation() {
  const t = useShellWords();
  const { slug, atLeast } = useOrganization();
  const openBar = useCommandBar();
  const unread = useUnread().total;
  return (
    <nav className={styles.rail} aria-label={t("main")}>
      <IconButton label={t("commands")} keys="Ctrl K" onClick={openBar}>
        <Command />
      </IconButton>
      <ul className={styles.places}>
        {PLACES.filter((place) => !place.from || atLeast(place.from)).map((place) => (
          <li key={place.path}>
            <NavLink
              className={({ isActive }) =>
                isActive || (place.path === "" && onInbox(slug))
                  ? `${styles.place} ${styles.here}`
                  : `${styles.place}`
              }
              to={`/${slug}/${place.path}`}
              end={place.path === ""}
            >
              {place.icon}
              <span>{t(place.word)}</span>
              {place.path === "rooms" && unread > 0 && (
                <span className={styles.unread}>
                  <span className="visually-hidden">{t("unread", { count: unread })}</span>
                </span>
              )}
            </NavLink>
          </li>
        ))}
      </ul>
      <Bell />
      <AccountMenu />
    </nav>
  );
}

const onInbox = (slug: string) =>
  /^(view|ticket|search)\b/.test(location.pathname.replace(`/inbox/${slug}/`, ""));

function AccountMenu() {
  const t = useShellWords();
  const client = useClient();
  const navigate = useNavigate();
  const { email } = useUser();
  const { slug } = useOrganization();
  const { language, choose } = useLanguage();
  const others = (useMemberships().data ?? []).filter((each) => each.slug !== slug);
  return (
    <Menu
      trigger={
        <IconButton label={t("account")}>
          <CircleUser />
        </IconButton>
      }
    >
      {others.map((each) => (
        <MenuItem
          key={each.slug}
          label={each.name}
          hint={t("switchDesk")}
          onSelect={() => navigate(`/${each.slug}`)}
        />
      ))}
      <AvailabilityItems />
      {(["system", "light", "dark"] as const).map((theme) => (
        <MenuItem
          key={theme}
          label={`${t("theme")}: ${t(theme)}`}
          checked={keptTheme() === theme}
          onSelect={() => applyTheme(theme)}
        />
      ))}
      <MenuLine />
      {(Object.keys(LANGUAGES) as Language[]).map((each) => (
        <MenuItem
          key={each}
          label={LANGUAGES[each]}
          checked={each === language}
          onSelect={() => choose(each)}
        />
      ))}
      <MenuLine />
      <MenuItem
        label={t("signOut")}
        hint={email}
        onSelect={() => void client.auth.signOut({ scope: "local" })}
      />
    </Menu>
  );
}
