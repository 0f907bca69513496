/** The views, each with how many tickets are in it. */
import { IconButton, Loaded, Menu, MenuItem } from "@kit/ui";
import { Ellipsis, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { NavLink, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { useCurrentList } from "./source";
import { useViewWords } from "./view_editor/words";
import { useMayChange, useWriteViews } from "./view_editor/write_views";
import styles from "./view_list.module.css";
import { type Count, useViewCounts, useViews, type View } from "./views";
import { useListWords } from "./words";

/** The editor of conditions is loaded when somebody writes some. */
const ViewEditor = lazy(async () => ({ default: (await import("./view_editor/view_editor")).ViewEditor }));

export function ViewList({ onChosen }: { onChosen?: () => void }) {
  const t = useListWords();
  const views = useViews();
  const counts = useViewCounts().data;
  const editing = useViewWords();
  const [edited, setEdited] = useState<View | "new" | null>(null);
  useViewCommands(views.data ?? [], () => setEdited("new"));
  return (
    <nav className={styles.views} aria-label={t("views")}>
      <header className={styles.head}>
        <h2 className={onChosen ? "visually-hidden" : undefined}>{t("views")}</h2>
        <IconButton small label={editing("newView")} onClick={() => setEdited("new")}>
          <Plus />
        </IconButton>
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
                      <ViewItem
                        key={view.id}
                        view={view}
                        among={these}
                        count={counts?.get(view.id)}
                        onChosen={onChosen}
                        onEdit={setEdited}
                      />
                    ))}
                  </ul>
                </section>
              )
            );
          })
        }
      </Loaded>
      {edited && (
        <Suspense>
          <ViewEditor view={edited === "new" ? null : edited} onClose={() => setEdited(null)} />
        </Suspense>
      )}
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
  among,
  count,
  onChosen,
  onEdit,
}: {
  view: View;
  among: View[];
  count: Count | undefined;
  onChosen: (() => void) | undefined;
  onEdit: (view: View) => void;
}) {
  const t = useListWords();
  const editing = useViewWords();
  const mayChange = useMayChange()(view);
  const { move } = useWriteViews();
  const at = among.indexOf(view);
  const { slug } = useOrganization();
  const { source } = useCurrentList();
  const isHere = source?.kind === "view" && source.view === view.id;
  return (
    <li className={styles.item}>
      <NavLink
        className={styles.view}
        to={`/${slug}/view/${view.id}`}
        data-here={isHere || undefined}
        aria-current={isHere ? "page" : undefined}
        onClick={onChosen}
      >
        <span className={styles.name}>
          <bdi>{view.name}</bdi>
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
      {mayChange && (
        <span className={styles.menu}>
          <Menu
            trigger={
              <IconButton small label={editing("edit", { name: view.name })}>
                <Ellipsis />
              </IconButton>
            }
          >
            <MenuItem label={editing("editView")} onSelect={() => onEdit(view)} />
            {at > 0 && <MenuItem label={editing("up")} onSelect={() => void move(among, at, -1)} />}
            {at < among.length - 1 && (
              <MenuItem label={editing("down")} onSelect={() => void move(among, at, 1)} />
            )}
          </Menu>
        </span>
      )}
    </li>
  );
}

function useViewCommands(views: View[], onNew: () => void): void {
  const t = useListWords();
  const editing = useViewWords();
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
    { id: "views.new", label: editing("newView"), group, run: onNew },
    ...views.map((view) => ({
      id: `views.${view.id}`,
      label: t("goToView", { name: view.name }),
      group,
      run: () => go(view),
    })),
  ]);
}
