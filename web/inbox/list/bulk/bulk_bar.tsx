/** What can be done with the selected tickets; by key also with the one that the keyboard is at. */
import { useUser } from "@kit/api/session";
import { Avatar, Button, type Choice, IconButton, Menu, MenuItem, Picker } from "@kit/ui";
import { CircleCheck, Ellipsis, SignalHigh, Tag, UserPlus, Users, X } from "lucide-react";
import { useState } from "react";
import { PriorityIcon, StatusIcon } from "../../actions/icons";
import { PRIORITIES } from "../../actions/pickers";
import { Dot } from "../../actions/tag_picker";
import { useActionWords } from "../../actions/words";
import { useCommands } from "../../commands/registry";
import { usePeople, useStatuses, useTags, useTeams } from "../../shell/desk";
import { useOrganization } from "../../shell/organization";
import type { TicketRow } from "../rows";
import type { Selection } from "../selection";
import styles from "./bulk_bar.module.css";
import { useBulkChange } from "./bulk_change";
import { useBulkWords } from "./words";

type Props = {
  rows: TicketRow[];
  selection: Selection;
  /** The row that the keyboard is at, where no ticket is open. */
  here: TicketRow | undefined;
};
type Open = "assign" | "status" | "priority" | "tags" | null;

export function BulkBar({ rows, selection, here }: Props) {
  const { atLeast } = useOrganization();
  const selected = selection.ids.size ? rows.filter((row) => selection.ids.has(row.id)) : NONE;
  if (!atLeast("agent") || (selected.length === 0 && !here)) return null;
  return <Bar selected={selected} here={here} selection={selection} />;
}

const NONE: TicketRow[] = [];
const NOBODY = "nobody";

function Bar({
  selected,
  here,
  selection,
}: {
  selected: TicketRow[];
  here: TicketRow | undefined;
  selection: Selection;
}) {
  const t = useBulkWords();
  const said = useActionWords();
  const me = useUser();
  const { members, person } = usePeople();
  const teams = useTeams().data ?? [];
  const statuses = useStatuses().data ?? [];
  const known = useTags().data ?? [];
  const { set, tag, read } = useBulkChange();
  const [open, setOpen] = useState<Open>(null);
  const target = selected.length > 0 ? selected : here ? [here] : NONE;
  const count = target.length;

  const show = (which: Open) => {
    if (selected.length === 0 && here) selection.add(here.id);
    setOpen(which);
  };
  const opening = (which: Exclude<Open, null>) => ({
    open: open === which,
    onOpen: (isOpen: boolean) => setOpen(isOpen ? which : null),
  });
  const done = () => selection.clear();

  const assign = (id: string | null, name: string) => {
    done();
    void set(target, { assignee_id: id }, id ? t("assigned", { count, name }) : t("unassigned", { count }));
  };
  const giveTo = (id: string, name: string) => {
    done();
    void set(target, { team_id: id }, t("given", { count, name }));
  };
  const setStatus = (key: string | undefined) => {
    const status = statuses.find((each) => each.key === key);
    if (!status) return;
    done();
    void set(target, { status: status.key }, t("statusSet", { count, status: status.name }), {
      status_category: status.category,
    });
  };
  const resolve = () => setStatus(statuses.find((each) => each.category === "resolved")?.key);
  const setPriority = (priority: (typeof PRIORITIES)[number]) => {
    done();
    void set(target, { priority }, t("prioritySet", { count, priority: said(priority) }));
  };
  const isSpam = count > 0 && target.every((row) => row.is_spam);
  const spam = () => {
    done();
    void set(target, { is_spam: !isSpam }, t(isSpam ? "isNoSpam" : "isSpam", { count }));
  };
  const toggleTag = (name: string) => {
    const isOn = target.every((row) => row.tags.includes(name));
    void tag(target, name, !isOn, t(isOn ? "untagged" : "tagged", { count, tag: name }));
  };
  const mark = (isRead: boolean) => {
    done();
    void read(target, isRead, t(isRead ? "isRead" : "isUnread", { count }));
  };

  const first = true;
  useCommands([
    { id: "bulk.resolve", label: t("resolve"), keys: "e", first, run: resolve },
    { id: "bulk.assign", label: said("assignTo"), keys: "a", first, run: () => show("assign") },
    {
      id: "bulk.take",
      label: t("takeThem"),
      keys: "i",
      first,
      run: () => assign(me.id, person(me.id).name),
    },
    { id: "bulk.status", label: said("setStatus"), keys: "Shift+e", first, run: () => show("status") },
    { id: "bulk.priority", label: said("setPriority"), keys: "p", first, run: () => show("priority") },
    { id: "bulk.tags", label: said("addTags"), keys: "t", first, run: () => show("tags") },
    { id: "bulk.spam", label: t(isSpam ? "noSpam" : "spam"), keys: "!", first, run: spam },
    { id: "bulk.read", label: t("markRead"), keys: "Shift+i", first, run: () => mark(true) },
    { id: "bulk.unread", label: t("markUnread"), keys: "Shift+u", first, run: () => mark(false) },
  ]);

  if (selected.length === 0) return null;
  const takers: Choice[] = [
    ...members
      .filter(({ role }) => role !== "viewer")
      .sort((one, other) => Number(other.id === me.id) - Number(one.id === me.id))
      .map((each) => ({
        id: each.id,
        label: each.name,
        ...(each.id === me.id ? { also: said("me"), hint: said("me") } : {}),
        icon: <Avatar name={each.name} url={each.picture} size={20} />,
        group: said("people"),
      })),
    { id: NOBODY, label: said("nobody"), group: said("people") },
    ...teams.map((each) => ({
      id: each.id,
      label: each.name,
      icon: <Users />,
      group: said("teams"),
    })),
  ];
  return (
    <div className={styles.bar} role="toolbar" aria-label={t("bar")}>
      <IconButton small label={t("clear")} keys="Esc" onClick={selection.clear}>
        <X />
      </IconButton>
      <span className={styles.count} role="status">
        {t("selected", { count: selected.length })}
      </span>
      <Button small onClick={resolve} aria-label={t("resolve")}>
        <CircleCheck aria-hidden /> <span className={styles.word}>{t("resolve")}</span>
      </Button>
      <Picker
        {...opening("assign")}
        label={said("assignTo")}
        placeholder={said("findAssignee")}
        none={said("findAssignee")}
        trigger={
          <Button small aria-label={said("assignTo")}>
            <UserPlus aria-hidden /> <span className={styles.word}>{t("assign")}</span>
          </Button>
        }
        choices={takers}
        onPick={({ id, label }) =>
          teams.some((each) => each.id === id) ? giveTo(id, label) : assign(id === NOBODY ? null : id, label)
        }
      />
      <Picker
        {...opening("tags")}
        multiple
        label={said("addTags")}
        placeholder={said("findTag")}
        none={said("findTag")}
        trigger={
          <Button small aria-label={t("tags")}>
            <Tag aria-hidden /> <span className={styles.word}>{t("tags")}</span>
          </Button>
        }
        choices={known.map((each) => ({
          id: each.id,
          label: each.name,
          icon: <Dot color={each.color} />,
          checked: target.every((row) => row.tags.includes(each.name)),
        }))}
        onPick={({ label }) => toggleTag(label)}
        making={{ label: (name) => said("makeTag", { tag: name }), make: toggleTag }}
      />
      <Picker
        {...opening("status")}
        label={said("setStatus")}
        placeholder={said("findStatus")}
        none={said("findStatus")}
        trigger={
          <Button small aria-label={t("status")}>
            <StatusIcon category="open" /> <span className={styles.word}>{t("status")}</span>
          </Button>
        }
        choices={statuses.map((each) => ({
          id: each.key,
          label: each.name,
          icon: <StatusIcon category={each.category} />,
        }))}
        onPick={({ id }) => setStatus(id)}
      />
      <Picker
        {...opening("priority")}
        label={said("setPriority")}
        placeholder={said("findPriority")}
        none={said("findPriority")}
        trigger={
          <Button small aria-label={t("priority")}>
            <SignalHigh aria-hidden /> <span className={styles.word}>{t("priority")}</span>
          </Button>
        }
        choices={PRIORITIES.map((each) => ({
          id: each,
          label: said(each),
          icon: <PriorityIcon priority={each} />,
        }))}
        onPick={({ id }) => {
          const priority = PRIORITIES.find((each) => each === id);
          if (priority) setPriority(priority);
        }}
      />
      <Menu
        trigger={
          <IconButton small label={t("more")}>
            <Ellipsis />
          </IconButton>
        }
      >
        <MenuItem label={t("takeThem")} hint="i" onSelect={() => assign(me.id, person(me.id).name)} />
        <MenuItem label={t("markRead")} onSelect={() => mark(true)} />
        <MenuItem label={t("markUnread")} onSelect={() => mark(false)} />
        <MenuItem label={t(isSpam ? "noSpam" : "spam")} hint="!" danger={!isSpam} onSelect={spam} />
      </Menu>
    </div>
  );
}
