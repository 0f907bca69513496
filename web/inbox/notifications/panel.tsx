import { useTimes } from "@kit/i18n/time";
import { Avatar, Button, Empty, Loaded } from "@kit/ui";
import {
  AtSign,
  Bell,
  Clock,
  Frown,
  Mail,
  MailWarning,
  TriangleAlert,
  UserPlus,
  Webhook,
} from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Link } from "react-router";
import { usePeople } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import { type Notification, useMarking, useNotifications } from "./notifications";
import styles from "./panel.module.css";
import { useNotificationWords } from "./words";

export function NotificationPanel({ onClose }: { onClose: () => void }) {
  const t = useNotificationWords();
  const all = useNotifications();
  const { read, seen } = useMarking();
  useEffect(() => void seen(), [seen]);
  return (
    <>
      <header className={styles.head}>
        <h2>{t("notifications")}</h2>
        <Button small look="quiet" onClick={() => void read()}>
          {t("readAll")}
        </Button>
      </header>
      <div className={styles.list}>
        <Loaded query={all} lines={6}>
          {({ pages }) => {
            const rows = pages.flat();
            if (rows.length === 0)
              return (
                <Empty title={t("none")} icon={<Bell />}>
                  {t("noneHint")}
                </Empty>
              );
            return (
              <>
                <ul>
                  {rows.map((each) => (
                    <Item
                      key={each.id}
                      notification={each}
                      onOpen={() => {
                        if (!each.read_at) void read(each.id);
                        onClose();
                      }}
                    />
                  ))}
                </ul>
                {all.hasNextPage && (
                  <div className={styles.more}>
                    <Button small busy={all.isFetchingNextPage} onClick={() => all.fetchNextPage()}>
                      {t("more")}
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Loaded>
      </div>
    </>
  );
}

const KINDS = [
  "mentioned",
  "assigned",
  "team_assigned",
  "replied",
  "noted",
  "sla_warned",
  "sla_breached",
  "rated_badly",
  "mail_failed",
  "webhook_disabled",
] as const;
const ICONS: Record<string, ReactNode> = {
  mentioned: <AtSign />,
  assigned: <UserPlus />,
  team_assigned: <UserPlus />,
  replied: <Mail />,
  sla_warned: <Clock />,
  sla_breached: <TriangleAlert />,
  rated_badly: <Frown />,
  mail_failed: <MailWarning />,
  webhook_disabled: <Webhook />,
};

function Item({ notification, onOpen }: { notification: Notification; onOpen: () => void }) {
  const t = useNotificationWords();
  const times = useTimes();
  const { slug } = useOrganization();
  const { person } = usePeople();
  const { kind, ticket, actor_id, count } = notification;
  const actor = actor_id ? person(actor_id) : null;
  const word = KINDS.find((each) => each === kind) ?? "other";
  return (
    <li>
      <Link
        className={styles.item}
        data-unread={!notification.read_at || undefined}
        to={ticket ? `/${slug}/ticket/${ticket.number}` : `/${slug}/settings`}
        onClick={onOpen}
      >
        {actor ? (
          <Avatar name={actor.name} url={actor.picture} size={28} />
        ) : (
          <span className={styles.icon} data-kind={kind} aria-hidden>
            {ICONS[kind] ?? <Bell />}
          </span>
        )}
        <span className={styles.text}>
          <span className={styles.what}>{t(word, { who: actor?.name ?? t("system"), count })}</span>
          {ticket && (
            <span className={styles.ticket}>
              #{ticket.number} <bdi>{ticket.subject}</bdi>
            </span>
          )}
        </span>
        <time className={styles.time} dateTime={notification.at}>
          {times.ago(notification.at)}
        </time>
        {!notification.read_at && <span className={styles.dot} role="img" aria-label={t("isNew")} />}
      </Link>
    </li>
  );
}
