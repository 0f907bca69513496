/** What happens in the visitor's tickets, as it happens. All of it are hints: the rows are read anew. */
import { type RealtimeChannel, RealtimeClient } from "@supabase/realtime-js";
import type { Config } from "./config";
import type { Visitor } from "./visitor";

export type Hint = { ticket: string; event: string; payload: Record<string, unknown> };
export type Live = {
  /** Listen to these tickets, and to no others. */
  follow: (tickets: string[]) => void;
  say: (ticket: string, event: string, payload: Record<string, unknown>) => void;
  end: () => void;
};

export type Listener = {
  hint: (hint: Hint) => void;
  /** A topic was joined, or joined again: what came before has to be read. */
  joined: () => void;
  state: (isLive: boolean) => void;
};

export function liveFor({ api, key }: Config, visitor: Visitor, listener: Listener): Live {
  const channels = new Map<string, RealtimeChannel>();
  let client: RealtimeClient | null = null;

  const connected = () => {
    client ??= new RealtimeClient(`${api.replace(/^http/, "ws")}/realtime/v1`, {
      params: { apikey: key },
      accessToken: () => visitor.token().catch(() => null),
    });
    return client;
  };

  function join(ticket: string): void {
    const channel = connected().channel(`ticket:${ticket}:contact`, { config: { private: true } });
    channels.set(ticket, channel);
    channel.on("broadcast", { event: "*" }, ({ event, payload }) => {
      listener.hint({ ticket, event, payload: (payload ?? {}) as Record<string, unknown> });
    });
    channel.subscribe((status) => {
      if (channels.get(ticket) !== channel) return;
      listener.state(status === "SUBSCRIBED");
      if (status === "SUBSCRIBED") listener.joined();
    });
  }

  return {
    follow: (tickets) => {
      for (const [ticket, channel] of channels) {
        if (tickets.includes(ticket)) continue;
        channels.delete(ticket);
        void client?.removeChannel(channel);
      }
      // The token first: a topic that is joined without one is refused.
      const missing = tickets.filter((each) => !channels.has(each));
      if (missing.length)
        void connected()
          .setAuth()
          .then(() => {
            for (const each of missing) if (!channels.has(each)) join(each);
          });
    },
    say: (ticket, event, payload) => {
      const channel = channels.get(ticket);
      // Over the socket or not at all: it is not worth a request.
      if (channel?.state === "joined") void channel.send({ type: "broadcast", event, payload });
    },
    end: () => {
      channels.clear();
      void client?.removeAllChannels();
      client = null;
    },
  };
}
