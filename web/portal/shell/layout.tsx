/** What stands around every page of a help centre: whose it is, where to go, who reads. */
import { Button, Empty, Loaded } from "@kit/ui";
import { type CSSProperties, Suspense, useEffect } from "react";
import { Outlet, ScrollRestoration, useNavigate, useParams, useRouteError } from "react-router";
import { brandTokens } from "./brand";
import { CentreContext, useFindCentre } from "./centre";
import { Header } from "./header";
import styles from "./layout.module.css";
import { useOnline } from "./online";
import { Preferences } from "./preferences";
import { useShellWords } from "./words";

export function Layout() {
  const { slug = "" } = useParams();
  const t = useShellWords();
  const centre = useFindCentre(slug);
  return (
    <Loaded query={centre}>
      {(found) => {
        if (!found)
          return (
            <main className={styles.alone}>
              <Empty title={t("noSuchCentre")}>{t("noSuchCentreMore")}</Empty>
            </main>
          );
        return (
          <CentreContext.Provider value={found} key={found.id}>
            <Frame brandColor={found.brand_color} name={found.name} />
          </CentreContext.Provider>
        );
      }}
    </Loaded>
  );
}

function Frame({ brandColor, name }: { brandColor: string | null; name: string }) {
  const t = useShellWords();
  const isOnline = useOnline();
  useEffect(() => {
    const tokens = Object.entries(brandTokens(brandColor));
    for (const [token, value] of tokens) document.documentElement.style.setProperty(token, value);
    return () => {
      for (const [token] of tokens) document.documentElement.style.removeProperty(token);
    };
  }, [brandColor]);
  return (
    <div className={styles.frame} style={{ "--page": "60rem" } as CSSProperties}>
      <title>{t("helpCentre", { name })}</title>
      <a className={styles.skip} href="#content">
        {t("skip")}
      </a>
      <Header />
      {!isOnline && (
        <div role="status" className={styles.offline}>
          {t("offline")}
        </div>
      )}
      <main id="content" tabIndex={-1} className={styles.content}>
        <Suspense>
          <Outlet />
        </Suspense>
      </main>
      <footer className={styles.footer}>
        <span>{name}</span>
        <Preferences />
      </footer>
      <ScrollRestoration />
    </div>
  );
}

/** Where a page throws, or there is none. */
export function Broken() {
  const t = useShellWords();
  const error = useRouteError();
  const { slug } = useParams();
  const navigate = useNavigate();
  const missing = typeof error === "object" && error !== null && "status" in error && error.status === 404;
  return (
    <main className={styles.alone}>
      <Empty title={missing ? t("notFound") : t("broken")}>
        {!missing && error instanceof Error && error.message}
      </Empty>
      {missing && slug ? (
        <Button onClick={() => navigate(`/${slug}`)}>{t("toHelp")}</Button>
      ) : (
        <Button onClick={() => location.reload()}>{t("reload")}</Button>
      )}
    </main>
  );
}
