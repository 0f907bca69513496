/** The inbox's columns: views, the list of one, the ticket that is open, and what is known about it. On a phone one at a time. */
import { Loaded } from "@kit/ui";
import { useParams } from "react-router";
import { TicketList } from "../list/ticket_list";
import { ViewList } from "../list/view_list";
import { SideDrawerProvider } from "../side/drawer";
import { SideColumn } from "../side/side_column";
import { Thread } from "../thread/thread";
import styles from "./page.module.css";
import { useTicketByNumber } from "./ticket";

export function TicketsPage() {
  const { number } = useParams();
  return (
    <main className={styles.page} data-open={number ? "ticket" : "list"}>
      <div className={styles.views}>
        <ViewList />
      </div>
      <div className={styles.list}>
        <TicketList />
      </div>
      {number && <OpenTicket key={number} number={Number(number)} />}
    </main>
  );
}

function OpenTicket({ number }: { number: number }) {
  const ticket = useTicketByNumber(number);
  return (
    <SideDrawerProvider>
      <div className={styles.thread}>
        <Loaded query={ticket} lines={8}>
          {(found) => <Thread ticket={found} />}
        </Loaded>
      </div>
      {ticket.data && <SideColumn ticket={ticket.data} />}
    </SideDrawerProvider>
  );
}
