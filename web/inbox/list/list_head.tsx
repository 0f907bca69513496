/** Above a list: which it is, how many are in it, and what can be done with it. On a phone the views open from here. */
import { Dialog, IconButton, Menu, MenuItem, MenuLine } from "@kit/ui";
import { PanelLeft, Plus, Search, SlidersHorizontal } from "lucide-react";
import { useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { useDensity } from "./display";
import styles from "./list_head.module.css";
import { NewTicket } from "./new_ticket/new_ticket";
import { useNewTicketWords } from "./new_ticket/words";
import { SORTS } from "./order";
import { addressOf, SearchHead } from "./search/search_head";
import { useSearchWords } from "./search/words";
import { type CurrentList, writeOrder } from "./source";
import { ViewList } from "./view_list";
import { orderOf, useViewCounts, type View } from "./views";
import { useListWords } from "./words";

type Props = { list: CurrentList; view: View | undefined };

/** Where a search was begun: there it leads back to. */
let lastView = "";

export function ListHead({ list, view }: Props) {
  const { slug } = useOrganization();
  const { pathname } = useLocation();
  const isSearch = list.source?.kind === "search";
  if (!isSearch) lastView = pathname;
  if (isSearch)
    return <SearchHead list={list} back={lastView.startsWith(`/${slug}`) ? lastView : `/${slug}`} />;
  return <ViewHead list={list} view={view} />;
}

function ViewHead({ list, view }: Props) {
  const t = useListWords();
  const search = useSearchWords();
  const opening = useNewTicketWords();
  const navigate = useNavigate();
  const { slug, atLeast } = useOrganization();
  const [open, setOpen] = useState<"new" | "views" | null>(null);
  const count = useViewCounts().data?.get(view?.id ?? "");
  const mayOpen = atLeast("agent");
  const goSearch = () => navigate(addressOf(slug, ""));
  useCommands([
    { id: "list.search", label: search("search"), keys: "/", run: goSearch },
    ...(mayOpen
      ? [{ id: "list.new", label: opening("newTicket"), keys: "c", run: () => setOpen("new") }]
      : []),
  ]);
  return (
    <header className={styles.head}>
      <span className={styles.narrow}>
        <IconButton small label={t("showViews")} onClick={() => setOpen("views")}>
          <PanelLeft />
        </IconButton>
      </span>
      <h1 className={styles.name}>
        <bdi>{view?.name ?? t("list")}</bdi>
      </h1>
      {count && (
        <span
          className={styles.count}
          title={t(count.isCapped ? "atLeast" : "inView", { count: count.tickets })}
        >
          {t(count.isCapped ? "atLeast" : "inView", { count: count.tickets })}
        </span>
      )}
      <span className={styles.gap} />
      {mayOpen && (
        <IconButton small label={opening("newTicket")} keys="c" onClick={() => setOpen("new")}>
          <Plus />
        </IconButton>
      )}
      <IconButton small label={search("search")} keys="/" onClick={goSearch}>
        <Search />
      </IconButton>
      <DisplayMenu list={list} view={view} />
      {open === "new" && <NewTicket onClose={() => setOpen(null)} />}
      {open === "views" && (
        <Dialog title={t("views")} onClose={() => setOpen(null)}>
          <ViewList onChosen={() => setOpen(null)} />
        </Dialog>
      )}
    </header>
  );
}

function DisplayMenu({ list, view }: Props) {
  const t = useListWords();
  const navigate = useNavigate();
  const [density, chooseDensity] = useDensity();
  const source = list.source;
  const order = source?.kind === "view" ? (source.order ?? (view && orderOf(view))) : undefined;
  const sortBy = (next: string | null) => {
    const path = list.pathOf(list.number).split("?")[0];
    navigate(next ? `${path}?sort=${next}` : `${path}`, { replace: true });
  };
  return (
    <Menu
      trigger={
        <IconButton small label={t("display")}>
          <SlidersHorizontal />
        </IconButton>
      }
    >
      {(["comfortable", "compact"] as const).map((each) => (
        <MenuItem
          key={each}
          label={t(each)}
          checked={density === each}
          onSelect={() => chooseDensity(each)}
        />
      ))}
      {order && <MenuLine />}
      {order &&
        SORTS.map((sort) => (
          <MenuItem
            key={sort}
            label={t(sort)}
            checked={order.sort === sort}
            onSelect={() => sortBy(writeOrder({ sort, ascending: order.ascending }))}
          />
        ))}
      {order && <MenuLine />}
      {order &&
        [false, true].map((ascending) => (
          <MenuItem
            key={String(ascending)}
            label={t(ascending ? "ascending" : "descending")}
            checked={order.ascending === ascending}
            onSelect={() => sortBy(writeOrder({ sort: order.sort, ascending }))}
          />
        ))}
      {source?.kind === "view" && source.order && (
        <MenuItem label={t("usualOrder")} onSelect={() => sortBy(null)} />
      )}
    </Menu>
  );
}
