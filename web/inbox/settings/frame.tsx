/** The settings' two columns: all pages by group, and the one that is open. On a phone one at a time. */
import { Empty, Skeleton } from "@kit/ui";
import { ArrowLeft } from "lucide-react";
import { type ReactNode, Suspense } from "react";
import { Link, Navigate, NavLink, Outlet, useLocation, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import styles from "./frame.module.css";
import { GROUPS, SETTINGS_PAGES } from "./pages";
import { useSettingsWords } from "./words";

function usePages() {
  const { atLeast } = useOrganization();
  return SETTINGS_PAGES.filter((page) => !page.from || atLeast(page.from));
}

export function SettingsFrame() {
  const t = useSettingsWords();
  const { slug } = useOrganization();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const pages = usePages();
  const isIndex = pathname.replace(/\/$/, "").endsWith("/settings");
  useCommands(
    pages.map((page) => ({
      id: `settings.${page.path}`,
      label: t(page.word),
      group: t("settings"),
      run: () => navigate(`/${slug}/settings/${page.path}`),
    })),
  );
  return (
    <div className={styles.frame} data-open={isIndex ? "list" : "page"}>
      <nav className={styles.pages} aria-label={t("settings")}>
        <h1 className={styles.heading}>{t("settings")}</h1>
        {GROUPS.map((group) => {
          const found = pages.filter((page) => page.group === group);
          if (found.length === 0) return null;
          return (
            <section key={group}>
              <h2 className={styles.group}>{t(`group_${group}`)}</h2>
              <ul>
                {found.map((page) => (
                  <li key={page.path}>
                    <NavLink
                      to={`/${slug}/settings/${page.path}`}
                      className={({ isActive }) =>
                        [styles.page, isActive && styles.here].filter(Boolean).join(" ")
                      }
                    >
                      {t(page.word)}
                    </NavLink>
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </nav>
      <main className={styles.content}>
        <Suspense fallback={<Skeleton lines={6} />}>
          <Allowed path={pathname.split("/")[3] ?? ""}>
            <Outlet />
          </Allowed>
        </Suspense>
      </main>
    </div>
  );
}

/** Where there is room for both columns, the first page is open. */
export function SettingsIndex() {
  const isWide = matchMedia("(min-width: 48rem)").matches;
  const [first] = usePages();
  return isWide && first ? <Navigate to={first.path} replace /> : null;
}

/** A page for whoever has the role; others are told so (they came by an address). */
function Allowed({ path, children }: { path: string; children: ReactNode }) {
  const t = useSettingsWords();
  const { atLeast } = useOrganization();
  const from = SETTINGS_PAGES.find((page) => page.path === path)?.from;
  return !from || atLeast(from) ? children : <Empty title={t("notYours")} />;
}

/** What stands around a page's own content. `actions` are beside its heading. */
export function PageFrame({
  title,
  intro,
  actions,
  children,
}: {
  title: string;
  intro?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const t = useSettingsWords();
  const { slug } = useOrganization();
  return (
    <div className={styles.inside}>
      <Link className={styles.back} to={`/${slug}/settings`}>
        <ArrowLeft aria-hidden />
        {t("back")}
      </Link>
      <header className={styles.head}>
        <div>
          <h2 className={styles.title}>{title}</h2>
          {intro && <p className={styles.intro}>{intro}</p>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Section({
  title,
  intro,
  children,
}: {
  title: string;
  intro?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={styles.section}>
      <h3 className={styles.sectionTitle}>{title}</h3>
      {intro && <p className={styles.intro}>{intro}</p>}
      {children}
    </section>
  );
}
