/** Above a list: which it is and how many are in it, and what can be done with it or with what is selected of it. */
import { IconButton, Menu, MenuItem, MenuLine } from "@kit/ui";
import { SlidersHorizontal } from "lucide-react";
import { useNavigate } from "react-router";
import { useDensity } from "./display";
import styles from "./list_head.module.css";
import { SORTS } from "./order";
import type { TicketRow } from "./rows";
import type { Selection } from "./selection";
import { type CurrentList, writeOrder } from "./source";
import { orderOf, useViewCounts, type View } from "./views";
import { useListWords } from "./words";

type Props = {
  list: CurrentList;
  view: View | undefined;
  rows: TicketRow[];
  selection: Selection;
  cursorAt: number;
};

export function ListHead({ list, view }: Props) {
  const t = useListWords();
  const count = useViewCounts().data?.get(view?.id ?? "");
  return (
    <header className={styles.head}>
      <h1 className={styles.name} dir="auto">
        {view?.name ?? t("list")}
      </h1>
      {count && (
        <span className={styles.count}>
          {t(count.isCapped ? "atLeast" : "inView", { count: count.tickets })}
        </span>
      )}
      <span className={styles.gap} />
      <DisplayMenu list={list} view={view} />
    </header>
  );
}

function DisplayMenu({ list, view }: Pick<Props, "list" | "view">) {
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
            hint={t("sortBy")}
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
