/** The list by keyboard. Enter is the link's own: the row has the focus. */
import { useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import type { TicketRow } from "./rows";
import type { Selection } from "./selection";
import type { CurrentList } from "./source";
import { useListWords } from "./words";

type Given = {
  list: CurrentList;
  rows: TicketRow[];
  /** The row of the open ticket, or the one that the keyboard is at; -1 before it is at any. */
  cursorAt: number;
  selection: Selection;
  /** Where that was last. */
  stoodAt: { readonly current: number };
  goTo: (row: TicketRow, at: number) => void;
};

export function useListKeys({ list, rows, cursorAt, stoodAt, selection, goTo }: Given): void {
  const t = useListWords();
  const navigate = useNavigate();
  const group = t("groupList");
  const step = (by: 1 | -1) => {
    const at = cursorAt >= 0 ? cursorAt + by : stoodAt.current + (by > 0 ? 0 : -1);
    const row = rows[at];
    if (row) goTo(row, at);
  };
  const extend = (by: 1 | -1) => {
    const here = rows[cursorAt];
    if (here) selection.add(here.id);
    step(by);
    const next = rows[cursorAt + by];
    if (here && next) selection.add(next.id);
  };
  const here = rows[cursorAt];
  useCommands([
    { id: "list.next", label: t("nextTicket"), keys: "j", group, run: () => step(1) },
    { id: "list.previous", label: t("previousTicket"), keys: "k", group, run: () => step(-1) },
    { id: "list.down", label: t("nextTicket"), keys: "ArrowDown", group, hidden: true, run: () => step(1) },
    { id: "list.up", label: t("previousTicket"), keys: "ArrowUp", group, hidden: true, run: () => step(-1) },
    ...(list.number === undefined
      ? here
        ? [
            {
              id: "list.open",
              label: t("openTicket"),
              keys: "o",
              group,
              run: () => navigate(list.pathOf(here.number)),
            },
          ]
        : []
      : [
          {
            id: "list.back",
            label: t("backToList"),
            keys: "u",
            group,
            run: () => navigate(list.pathOf()),
          },
        ]),
    ...(here
      ? [
          {
            id: "list.select",
            label: t("selectTicket"),
            keys: "x",
            group,
            run: () => selection.pick(here.id, false),
          },
          { id: "list.extend.down", label: t("extendDown"), keys: "Shift+j", group, run: () => extend(1) },
          { id: "list.extend.up", label: t("extendUp"), keys: "Shift+k", group, run: () => extend(-1) },
        ]
      : []),
    { id: "list.all", label: t("selectAll"), keys: "Mod+Shift+a", group, run: selection.all },
    ...(selection.ids.size > 0
      ? [
          {
            id: "list.clear",
            label: t("clearSelection"),
            keys: "Escape",
            group,
            first: true,
            run: selection.clear,
          },
        ]
      : []),
  ]);
}
