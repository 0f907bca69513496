/** What stands around every screen of a desk: who may see it, what is live, where to go. */
import { LiveProvider, useLiveState } from "@kit/live";
import { Button, Empty, Loaded } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useCallback } from "react";
import { Outlet, useNavigate, useParams, useRouteError } from "react-router";
import { FactorNeeded } from "../account/second_factor";
import { CommandBar } from "../commands/command_bar";
import { CommandProvider } from "../commands/registry";
import { OutgoingNews } from "../composer/outgoing_news";
import { RoomsLive } from "../rooms/live";
import { refreshAll, refreshFor } from "./freshness";
import { Navigation } from "./navigation";
import { OrganizationContext, useMemberships } from "./organization";
import styles from "./shell.module.css";
import { useShellWords } from "./words";

export function Shell() {
  const { slug } = useParams();
  const t = useShellWords();
  const memberships = useMemberships();
  return (
    <Loaded query={memberships}>
      {(all) => {
        const found = all.find((each) => each.slug === slug);
        if (!found) return <Empty title={t("noSuchDesk")} />;
        if (found.needs_mfa) return <FactorNeeded desk={found.name} />;
        return (
          <OrganizationContext.Provider value={found} key={found.organization_id}>
            <CommandProvider>
              <Frame organizationId={found.organization_id} />
            </CommandProvider>
          </OrganizationContext.Provider>
        );
      }}
    </Loaded>
  );
}

function Frame({ organizationId }: { organizationId: string }) {
  const t = useShellWords();
  const queries = useQueryClient();
  const reload = useCallback(() => refreshAll(queries, organizationId), [queries, organizationId]);
  return (
    <LiveProvider
      organizationId={organizationId}
      onEvent={(event) => refreshFor(queries, organizationId, event)}
      onReload={reload}
    >
      <div className={styles.frame}>
        <a className={styles.skip} href="#content">
          {t("skip")}
        </a>
        <Navigation />
        <div className={styles.content} id="content" tabIndex={-1}>
          <Connection />
          <Suspense>
            <Outlet />
          </Suspense>
        </div>
      </div>
      <RoomsLive />
      <CommandBar />
      <OutgoingNews />
    </LiveProvider>
  );
}

/** Says so while nothing comes in. */
function Connection() {
  const t = useShellWords();
  const state = useLiveState();
  if (state !== "offline") return null;
  return (
    <div role="status" className={styles.offline}>
      {t("offline")}
    </div>
  );
}

/** Where a screen throws: the rest of the page stays as it is. */
export function Broken() {
  const t = useShellWords();
  const error = useRouteError();
  const navigate = useNavigate();
  const missing = typeof error === "object" && error !== null && "status" in error && error.status === 404;
  return (
    <main className={styles.choice}>
      <Empty title={missing ? t("notFound") : t("broken")}>
        {!missing && error instanceof Error && error.message}
      </Empty>
      {missing ? (
        <Button onClick={() => navigate("/")}>{t("toInbox")}</Button>
      ) : (
        <Button onClick={() => location.reload()}>{t("reload")}</Button>
      )}
    </main>
  );
}
