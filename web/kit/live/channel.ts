/**
 * A private channel that is joined until the returned function is called.
 *
 * realtime-js joins again by itself after an error, not after the other side has closed a channel, which it does when the
 * token has run out that the channel was joined with (a laptop that slept). Then this joins anew, with a fresh token.
 */
import type { Client } from "@kit/api/client";
import type { RealtimeChannel } from "@supabase/supabase-js";

export type Status = "SUBSCRIBED" | "CHANNEL_ERROR" | "TIMED_OUT" | "CLOSED";
type Options = NonNullable<Parameters<Client["channel"]>[1]>["config"];

const RETRY_MS = 2_000;
const LEAVING_MS = 100;

/** One for a topic: a second one waits until the first is left. `prepare`: what it listens for. */
export function join(
  client: Client,
  topic: string,
  options: Omit<Options, "private">,
  prepare: (channel: RealtimeChannel) => void,
  heard: (status: Status, channel: RealtimeChannel) => void,
): () => void {
  let ended = false;
  let current: RealtimeChannel | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void attempt(), ms);
  };

  async function attempt(): Promise<void> {
    // Without a network there is no fresh token; the old one may still do.
    await client.realtime.setAuth().catch(() => {});
    if (ended) return;
    // The client would give the one that is being left, which cannot be joined any more.
    if (client.getChannels().some((each) => each.topic === `realtime:${topic}`)) return soon(LEAVING_MS);
    const channel = client.channel(topic, { config: { ...options, private: true } });
    current = channel;
    prepare(channel);
    channel.subscribe((status) => {
      if (ended || current !== channel) return;
      heard(status, channel);
      if (status !== "CLOSED") return;
      current = null;
      soon(RETRY_MS);
    });
  }

  void attempt();
  return () => {
    ended = true;
    clearTimeout(timer);
    if (current) void client.removeChannel(current);
  };
}
