import { Badge, Button, Empty, Loaded } from "@kit/ui";
import { ArrowLeft } from "lucide-react";
import { Link, useParams } from "react-router";
import { ForContacts, type Me } from "../account/for_contacts";
import { useCentre } from "../shell/centre";
import { FormOf, useForms } from "./forms";
import { MessageItem } from "./message";
import { useFollowTicket, useMarkSeen, useMessages } from "./messages";
import { Rating } from "./rating";
import { Reply } from "./reply";
import { Status } from "./status";
import styles from "./ticket.module.css";
import { type Ticket, useFollowTickets, useTicket } from "./tickets";
import { useTicketWords } from "./words";

export function TicketPage() {
  const { number } = useParams();
  return <ForContacts>{(me) => <Found key={number} me={me} number={Number(number) || 0} />}</ForContacts>;
}

function Found({ me, number }: { me: Me; number: number }) {
  const t = useTicketWords();
  const { slug } = useCentre();
  useFollowTickets(me);
  return (
    <div className={styles.page}>
      <Link to={`/${slug}/tickets`} className={styles.back}>
        <ArrowLeft aria-hidden size={16} className="mirrored" /> {t("back")}
      </Link>
      <Loaded query={useTicket(me, number)} lines={8}>
        {(ticket) => (ticket ? <Shown me={me} ticket={ticket} /> : <Empty title={t("noSuchTicket")} />)}
      </Loaded>
    </div>
  );
}

function Shown({ me, ticket }: { me: Me; ticket: Ticket }) {
  const t = useTicketWords();
  const { name, asks_rating } = useCentre();
  const messages = useMessages(ticket.id);
  const forms = useForms(ticket.id);
  useFollowTicket(ticket.id);
  useMarkSeen(ticket.id, messages.data ?? []);
  const isOver = ticket.status_category === "resolved";
  return (
    <>
      <title>{`${ticket.subject} · ${name}`}</title>
      <div className={styles.head}>
        <h1 dir="auto">{ticket.subject}</h1>
        <Status ticket={ticket} />
        <Badge>{t("number", { number: String(ticket.number) })}</Badge>
      </div>
      <Loaded query={messages} lines={8}>
        {(all) => (
          <>
            {messages.hasNextPage && (
              <Button small busy={messages.isFetchingNextPage} onClick={() => messages.fetchNextPage()}>
                {t("earlier")}
              </Button>
            )}
            <ol className={styles.messages} aria-live="polite" aria-relevant="additions">
              {all.map((message) => (
                <MessageItem key={message.id} message={message} me={me}>
                  {forms.data
                    ?.filter((each) => each.message_id === message.id)
                    .map((form) => (
                      <FormOf key={form.id} form={form} />
                    ))}
                </MessageItem>
              ))}
            </ol>
          </>
        )}
      </Loaded>
      {isOver && asks_rating && ticket.last_answer_at && (
        <Rating key={ticket.resolved_at} ticketId={ticket.id} />
      )}
      {ticket.merged_into ? (
        <Merged into={ticket.merged_into} />
      ) : (
        <Reply me={me} ticket={ticket} reopens={isOver} />
      )}
    </>
  );
}

function Merged({ into }: { into: string }) {
  const t = useTicketWords();
  const { slug } = useCentre();
  return (
    <p className={styles.note}>
      {t("merged")}{" "}
      <Link to={`/${slug}/tickets`} data-into={into}>
        {t("toMerged")}
      </Link>
    </p>
  );
}
