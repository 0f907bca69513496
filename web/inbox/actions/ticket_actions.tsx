/** The bar over a ticket's messages: what it is, whose, and what can be done with it; all of it by keyboard too. */
import { useUser } from "@kit/api/session";
import { Badge, Button, IconButton, Menu, MenuItem, MenuLine, useToast } from "@kit/ui";
import {
  ArrowLeft,
  CircleCheck,
  Ellipsis,
  Link,
  Link2,
  Merge,
  PanelRight,
  Pencil,
  ShieldAlert,
  Split,
  Undo2,
} from "lucide-react";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { type Command, useCommands } from "../commands/registry";
import { usePeople, useStatuses } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { useSideDrawer } from "../side/drawer";
import type { Ticket } from "../tickets/ticket";
import styles from "./actions.module.css";
import { AssignPicker, useAssign } from "./assign_picker";
import { useTicketChange } from "./change";
import { LinkDialog } from "./link_dialog";
import { MergeDialog } from "./merge_dialog";
import { MergedBanner, useMoves, useUndoMove } from "./moves";
import { CategoryPicker, PriorityPicker, StatusPicker } from "./pickers";
import { RenameDialog } from "./rename_dialog";
import { SnoozeMenu } from "./snooze_menu";
import { SnoozedChip } from "./snoozed_chip";
import { SplitDialog } from "./split_dialog";
import { TagPicker } from "./tag_picker";
import { useActionWords } from "./words";

/** Of lists and windows, one is open at a time. */
type Open =
  | "status"
  | "assign"
  | "priority"
  | "category"
  | "tags"
  | "snooze"
  | "merge"
  | "split"
  | "link"
  | "rename"
  | null;

export function TicketActions({ ticket }: { ticket: Ticket }) {
  const t = useActionWords();
  const toast = useToast();
  const navigate = useNavigate();
  const me = useUser();
  const { view } = useParams();
  const { slug, atLeast } = useOrganization();
  const { person } = usePeople();
  const statuses = useStatuses().data ?? [];
  const drawer = useSideDrawer();
  const { change, snooze, undo } = useTicketChange(ticket);
  const assign = useAssign(ticket, change);
  const undoMove = useUndoMove();
  const moves = useMoves(ticket).data ?? [];
  const [open, setOpen] = useState<Open>(null);
  const mayChange = atLeast("agent") && !ticket.merged_into;
  const isResolved = ticket.status_category === "resolved";
  const isAsleep = ticket.snoozed_until !== null && new Date(ticket.snoozed_until) > new Date();

  const resolve = () => {
    const solved =
      statuses.find(({ key }) => key === "solved") ??
      statuses.find(({ category }) => category === "resolved");
    void change(
      { status: solved?.key ?? "solved" },
      { told: t("resolved", { number: `#${ticket.number}` }), shown: { status_category: "resolved" } },
    );
  };
  const reopen = () =>
    void change(
      { status: "open" },
      {
        told: t(isAsleep ? "awake" : "reopened", { number: `#${ticket.number}` }),
        shown: { status_category: "open", snoozed_until: null },
      },
    );
  const spam = () =>
    void change({ is_spam: !ticket.is_spam }, { told: ticket.is_spam ? t("unmarkedSpam") : t("markedSpam") });
  const copyAddress = async () => {
    await navigator.clipboard.writeText(`${location.origin}/inbox/${slug}/ticket/${ticket.number}`);
    toast(t("copied"));
  };

  const group = t("bar", { number: `#${ticket.number}` });
  const all: (Omit<Command, "group"> | false)[] = [
    isResolved
      ? { id: "ticket.reopen", label: t("reopen"), keys: "e", run: reopen }
      : { id: "ticket.resolve", label: t("resolve"), keys: "e", run: resolve },
    { id: "ticket.assign", label: t("assignTo"), keys: "a", run: () => setOpen("assign") },
    { id: "ticket.take", label: t("takeIt"), keys: "i", run: () => void assign(me.id, person(me.id).name) },
    !isResolved && { id: "ticket.snooze", label: t("snoozeUntil"), keys: "s", run: () => setOpen("snooze") },
    isAsleep && { id: "ticket.wake", label: t("wake"), run: reopen },
    { id: "ticket.status", label: t("setStatus"), keys: "Shift+e", run: () => setOpen("status") },
    { id: "ticket.priority", label: t("setPriority"), keys: "p", run: () => setOpen("priority") },
    { id: "ticket.category", label: t("setCategory"), keys: "#", run: () => setOpen("category") },
    { id: "ticket.tags", label: t("addTags"), keys: "t", run: () => setOpen("tags") },
    { id: "ticket.spam", label: ticket.is_spam ? t("notSpam") : t("spam"), keys: "!", run: spam },
    { id: "ticket.merge", label: t("merge"), keys: "m", run: () => setOpen("merge") },
    { id: "ticket.split", label: t("split"), keys: "Shift+s", run: () => setOpen("split") },
    { id: "ticket.link", label: t("link"), keys: "l", run: () => setOpen("link") },
    { id: "ticket.rename", label: t("rename"), run: () => setOpen("rename") },
    { id: "ticket.undo", label: t("undo"), keys: "z", run: undo },
  ];
  const offered = all.filter((each) => each !== false).map((each): Command => ({ ...each, group }));
  useCommands([
    ...(mayChange ? offered : []),
    { id: "ticket.copy", label: t("copyLink"), group, run: () => void copyAddress() },
  ]);

  const opening = (name: Open) => ({
    open: open === name,
    onOpen: (wanted: boolean) => setOpen(wanted ? name : null),
  });
  const picker = { ticket, change, disabled: !mayChange };
  const close = () => setOpen(null);
  return (
    <header className={styles.bar}>
      <div className={styles.head}>
        <IconButton
          label={t("back")}
          className={styles.back}
          onClick={() => navigate(view ? `/${slug}/view/${view}` : `/${slug}`)}
        >
          <ArrowLeft className="mirrored" />
        </IconButton>
        <h1 className={styles.subject}>
          {ticket.subject || `#${ticket.number}`} <span className={styles.number}>#{ticket.number}</span>
        </h1>
        <div className={styles.buttons}>
          {mayChange && (
            <>
              <Button small look={isResolved ? "plain" : "primary"} onClick={isResolved ? reopen : resolve}>
                {!isResolved && <CircleCheck aria-hidden size={16} />}
                {isResolved ? t("reopen") : t("resolve")}
              </Button>
              <SnoozeMenu {...opening("snooze")} ticket={ticket} snooze={snooze} />
              <Menu
                trigger={
                  <IconButton label={t("more")}>
                    <Ellipsis />
                  </IconButton>
                }
              >
                <MenuItem icon={<Pencil />} label={t("rename")} onSelect={() => setOpen("rename")} />
                <MenuItem icon={<Merge />} label={t("merge")} hint="m" onSelect={() => setOpen("merge")} />
                <MenuItem icon={<Split />} label={t("split")} hint="⇧S" onSelect={() => setOpen("split")} />
                <MenuItem icon={<Link2 />} label={t("link")} hint="l" onSelect={() => setOpen("link")} />
                <MenuItem icon={<Link />} label={t("copyLink")} onSelect={() => void copyAddress()} />
                <MenuLine />
                <MenuItem
                  icon={<ShieldAlert />}
                  label={ticket.is_spam ? t("notSpam") : t("spam")}
                  hint="!"
                  onSelect={spam}
                />
                {moves.length > 0 && <MenuLine />}
                {moves.map((move) => (
                  <MenuItem
                    key={move.id}
                    icon={<Undo2 />}
                    label={t(
                      move.kind === "merge"
                        ? "undoMerge"
                        : move.to_ticket_id === ticket.id
                          ? "undoSplitHere"
                          : "undoSplit",
                      {
                        number: `#${(move.from_ticket_id === ticket.id ? move.to : move.from)?.number ?? "…"}`,
                      },
                    )}
                    onSelect={() => void undoMove(move.id)}
                  />
                ))}
              </Menu>
            </>
          )}
          <IconButton
            label={t("details")}
            className={styles.details}
            aria-expanded={drawer.isOpen}
            onClick={() => drawer.setOpen(!drawer.isOpen)}
          >
            <PanelRight className="mirrored" />
          </IconButton>
        </div>
      </div>
      <MergedBanner ticket={ticket} mayUndo={atLeast("agent")} />
      <div className={styles.chips}>
        <StatusPicker {...picker} {...opening("status")} />
        {isAsleep && <SnoozedChip until={ticket.snoozed_until as string} />}
        <AssignPicker {...picker} {...opening("assign")} />
        <PriorityPicker {...picker} {...opening("priority")} />
        <CategoryPicker {...picker} {...opening("category")} />
        {ticket.is_spam && <Badge tone="danger">{t("isSpam")}</Badge>}
        <TagPicker {...picker} {...opening("tags")} />
      </div>
      {open === "merge" && <MergeDialog ticket={ticket} onClose={close} />}
      {open === "split" && <SplitDialog ticket={ticket} onClose={close} />}
      {open === "link" && <LinkDialog ticket={ticket} onClose={close} />}
      {open === "rename" && <RenameDialog ticket={ticket} change={change} onClose={close} />}
    </header>
  );
}
