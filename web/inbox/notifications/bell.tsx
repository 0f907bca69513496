/** The bell in the rail: how much is unread, and the list of it. */
import {
  autoUpdate,
  FloatingFocusManager,
  FloatingPortal,
  flip,
  offset,
  shift,
  useClick,
  useDismiss,
  useFloating,
  useInteractions,
  useRole,
} from "@floating-ui/react";
import { Bell as BellIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useCommands } from "../commands/registry";
import styles from "./bell.module.css";
import { useLiveNotifications, useNotificationCounts } from "./notifications";
import { NotificationPanel } from "./panel";
import { useNotificationWords } from "./words";

const SHOWN_UP_TO = 99;

export function Bell() {
  const t = useNotificationWords();
  const [open, setOpen] = useState(false);
  useLiveNotifications();
  const unread = useNotificationCounts().data?.unread ?? 0;
  useTitle(unread);
  useCommands([{ id: "notifications", label: t("open"), keys: "g n", run: () => setOpen(true) }]);
  const { refs, floatingStyles, context } = useFloating({
    open,
    onOpenChange: setOpen,
    placement: "right-end",
    strategy: "fixed",
    middleware: [offset(8), flip({ fallbackPlacements: ["top-end", "top"] }), shift({ padding: 8 })],
    whileElementsMounted: autoUpdate,
  });
  const { getReferenceProps, getFloatingProps } = useInteractions([
    useClick(context),
    useDismiss(context),
    useRole(context, { role: "dialog" }),
  ]);
  return (
    <>
      <button
        type="button"
        ref={refs.setReference}
        className={styles.bell}
        aria-label={unread ? t("unread", { count: unread }) : t("notifications")}
        {...getReferenceProps()}
      >
        <BellIcon aria-hidden />
        {unread > 0 && (
          <span className={styles.count} aria-hidden>
            {unread > SHOWN_UP_TO ? `${SHOWN_UP_TO}+` : unread}
          </span>
        )}
      </button>
      {open && (
        <FloatingPortal>
          <FloatingFocusManager context={context} modal={false}>
            <div
              ref={refs.setFloating}
              className={styles.panel}
              style={floatingStyles}
              {...getFloatingProps({ "aria-label": t("notifications") })}
            >
              <NotificationPanel onClose={() => setOpen(false)} />
            </div>
          </FloatingFocusManager>
        </FloatingPortal>
      )}
    </>
  );
}

/** In the tab's title too: it is seen while another tab is worked in. */
function useTitle(unread: number): void {
  useEffect(() => {
    const plain = document.title.replace(/^\(\d+\+?\) /, "");
    document.title = unread ? `(${unread > SHOWN_UP_TO ? `${SHOWN_UP_TO}+` : unread}) ${plain}` : plain;
  }, [unread]);
}
