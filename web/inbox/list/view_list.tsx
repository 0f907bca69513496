/** The views, each with how many tickets are in it. */
import { Loaded } from "@kit/ui";
import { NavLink, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { useCurrentList } from "./source";
import styles from "./view_list.module.css";
import { type Count, useViewCounts, useViews, type View } from "./views";
import { useListWords } from "./words";

export function ViewList({ onChosen }: { onChosen?: () => void }) {
  const t = useListWords();
  const views = useViews();
  const counts = useViewCounts().data;
  useViewCommands(views.data ?? []);
  return (
    <nav className={styles.views} aria-label={t("views")}>
      <header className={styles.head}>
        <h2>{t("views")}</h2>
      </header>
      <Loaded query={views} lines={8}>
        {(all) =>
          GROUPS.map(({ word, has }) => {
            const these = all.filter(has);
            return (
              these.length > 0 && (
                <section key={word} className={styles.group} aria-label={t(word)}>
                  {these.length < all.length && <h3 className={styles.title}>{t(word)}</h3>}
                  <ul>
                    {these.map((view) => (
                      <ViewItem key={view.id} view={view} count={counts?.get(view.id)} onChosen={onChosen} />
                    ))}
                  </ul>
                </section>
              )
            );
          })
        }
      </Loaded>
    </nav>
  );
}

const GROUPS = [
  { word: "sharedViews", has: (view: View) => !view.user_id && !view.team_id },
  { word: "teamViews", has: (view: View) => view.team_id !== null },
  { word: "myViews", has: (view: View) => view.user_id !== null },
] as const;

function ViewItem({
  view,
  count,
  onChosen,
}: {
  view: View;
  count: Count | undefined;
  onChosen: (() => void) | undefined;
}) {
  const t = useListWords();
  const { slug } = useOrganization();
  const { source } = useCurrentList();
  const isHere = source?.kind === "view" && source.view === view.id;
  return (
    <li>
      <NavLink
        className={styles.view}
        to={`/${slug}/view/${view.id}`}
        data-here={isHere || undefined}
        aria-current={isHere ? "page" : undefined}
        onClick={onChosen}
      >
        <span className={styles.name} dir="auto">
          {view.name}
        </span>
        {count && count.tickets > 0 && (
          <span
            className={styles.count}
            role="img"
            aria-label={t(count.isCapped ? "atLeast" : "inView", { count: count.tickets })}
          >
            {count.tickets}
            {count.isCapped && "+"}
          </span>
        )}
      </NavLink>
    </li>
  );
}

function useViewCommands(views: View[]): void {
  const t = useListWords();
  const navigate = useNavigate();
  const { slug } = useOrganization();
  const { source } = useCurrentList();
  const group = t("groupViews");
  const go = (view: View | undefined) => view && navigate(`/${slug}/view/${view.id}`);
  const at = views.findIndex((each) => source?.kind === "view" && each.id === source.view);
  useCommands([
    {
      id: "views.next",
      label: t("nextView"),
      keys: "]",
      group,
      run: () => go(views[(at + 1) % views.length]),
    },
    {
      id: "views.previous",
      label: t("previousView"),
      keys: "[",
      group,
      run: () => go(views[(at - 1 + views.length) % views.length]),
    },
    ...views.map((view) => ({
      id: `views.${view.id}`,
      label: t("goToView", { name: view.name }),
      group,
      run: () => go(view),
    })),
  ]);
}
