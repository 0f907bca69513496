/** Opens a ticket: with what a contact has said, or by writing to them first. */
import { type Client, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useRef } from "react";
import { useOrganization } from "../../shell/organization";

export const CHANNELS = ["phone", "email", "chat", "portal", "social"] as const;
export type Channel = (typeof CHANNELS)[number];
export type NewTicket = {
  kind: "asked" | "write";
  contactId: string;
  channel: Channel;
  subject: string;
  body: string;
  isMine: boolean;
};
type Opened = { id: string; number: number };

/** Tried again, it goes on where it failed: no second ticket comes of it. */
export function useOpenTicket(): (ticket: NewTicket) => Promise<Opened> {
  const client = useClient();
  const me = useUser();
  const { organization_id } = useOrganization();
  const begun = useRef<{ opened: Opened; isWritten: boolean } | null>(null);
  return async (ticket) => {
    const { body, isMine, kind } = ticket;
    begun.current ??= {
      opened: await begin(client, organization_id, ticket),
      isWritten: kind === "asked",
    };
    const { opened } = begun.current;
    if (!begun.current.isWritten) {
      await ok(client.rpc("send_reply", { ticket_id: opened.id, body, expected_seq: 0 }));
      begun.current.isWritten = true;
    }
    if (isMine)
      await ok(client.from("tickets").update({ assignee_id: me.id }).eq("id", opened.id).select("id"));
    begun.current = null;
    return opened;
  };
}

async function begin(client: Client, organizationId: string, ticket: NewTicket): Promise<Opened> {
  const { kind, contactId, channel, subject, body } = ticket;
  if (kind === "asked")
    return ok(
      client
        .rpc("open_ticket", {
          organization_id: organizationId,
          subject,
          body,
          channel,
          contact_id: contactId,
        })
        .select("id, number")
        .single(),
    );
  return ok(
    client
      .from("tickets")
      .insert({ organization_id: organizationId, subject, channel: "email", contact_id: contactId } as never)
      .select("id, number")
      .single(),
  );
}
