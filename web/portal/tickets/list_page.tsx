import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded } from "@kit/ui";
import { useKitWords } from "@kit/ui/words";
import { Inbox } from "lucide-react";
import { Link } from "react-router";
import { ForContacts, type Me } from "../account/for_contacts";
import { useCentre } from "../shell/centre";
import { LinkButton } from "../shell/link_button";
import styles from "./list.module.css";
import { Status } from "./status";
import { hasNews, type Ticket, useFollowTickets, useTickets } from "./tickets";
import { useTicketWords } from "./words";

export function ListPage() {
  return <ForContacts>{(me) => <MyTickets me={me} />}</ForContacts>;
}

function MyTickets({ me }: { me: Me }) {
  const t = useTicketWords();
  const kit = useKitWords();
  const { slug, name, takes_tickets } = useCentre();
  const tickets = useTickets(me);
  useFollowTickets(me);
  return (
    <div className={styles.page}>
      <title>{`${t("title")} · ${name}`}</title>
      <div className={styles.head}>
        <h1>{t("title")}</h1>
        {takes_tickets && <LinkButton to={`/${slug}/tickets/new`}>{t("write")}</LinkButton>}
      </div>
      <Loaded query={tickets} lines={6}>
        {({ pages }) => {
          const all = pages.flat();
          if (all.length === 0)
            return (
              <Empty title={t("none")} icon={<Inbox />}>
                {t("noneMore", { email: me.email })}
              </Empty>
            );
          return (
            <>
              <ul className={styles.tickets}>
                {all.map((each) => (
                  <TicketRow key={each.id} ticket={each} />
                ))}
              </ul>
              {tickets.hasNextPage && (
                <Button busy={tickets.isFetchingNextPage} onClick={() => tickets.fetchNextPage()}>
                  {kit("more")}
                </Button>
              )}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

function TicketRow({ ticket }: { ticket: Ticket }) {
  const t = useTicketWords();
  const times = useTimes();
  const { slug } = useCentre();
  const isNew = hasNews(ticket);
  return (
    <li>
      <Link to={`/${slug}/tickets/${ticket.number}`} className={styles.ticket} data-new={isNew || undefined}>
        <span className={styles.subject} dir="auto">
          {ticket.subject || t("number", { number: ticket.number })}
        </span>
        <span className={styles.badges}>
          {isNew && <Badge tone="accent">{t("newAnswer")}</Badge>}
          <Status ticket={ticket} />
        </span>
        <span className={styles.preview} dir="auto">
          {ticket.preview}
        </span>
        <span className={styles.when}>
          {t("number", { number: String(ticket.number) })} ·{" "}
          <time dateTime={ticket.last_message_at} title={times.full(ticket.last_message_at)}>
            {t("last", { when: times.relative(ticket.last_message_at) })}
          </time>
        </span>
      </Link>
    </li>
  );
}
