/** Who has the widget open: a token of ten minutes, got again with what the widget keeps, or with the site's word. */
import type { Frame } from "../../frame";
import { saidIn } from "../../loader/word";
import type { Config } from "./config";
import { isPassing, refusalOf } from "./refusal";

export type Visitor = {
  token: () => Promise<string>;
  organization: () => Promise<string>;
  greeting: () => Promise<Greeting>;
  /** The folder of Storage that is the visitor's. */
  folder: () => Promise<string>;
  isIdentified: () => boolean;
  /** The token at hand is good no more. */
  expire: () => void;
};

/** What the desk says of itself to who opens the widget. */
export type Greeting = {
  greeting: string | null;
  is_open: boolean | null;
  opens_at: string | null;
};

type Opened = Partial<Greeting> & {
  access_token: string;
  expires_in: number;
  organization_id: string;
  contact_id: string | null;
  visitor_secret?: string;
};

/** Before a token ends: as long as a slow request may take. */
const MARGIN_MS = 45_000;

export function visitorFor({ options, kept, identity, tell }: Frame, { api }: Config): Visitor {
  let held: Opened | null = null;
  let until = 0;
  let asking: Promise<Opened> | null = null;

  async function ask(): Promise<Opened> {
    const word = identity();
    const secret = kept.get("secret");
    const answer = await fetch(`${api}/functions/v1/token/visitor`, {
      method: "POST",
      credentials: "omit",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        widget: options.widget,
        ...(word ? { identity: word } : secret ? { secret } : {}),
      }),
    });
    if (!answer.ok) {
      const refusal = await refusalOf(answer);
      if (!isPassing(refusal)) tell("refused", { code: refusal.code });
      throw refusal;
    }
    const opened = (await answer.json()) as Opened;
    if (opened.visitor_secret) kept.set("secret", opened.visitor_secret);
    // Whom the site vouches for may have talked on another device.
    if (opened.contact_id && !kept.get("talks")) kept.set("talks", "elsewhere");
    held = opened;
    until = Date.now() + opened.expires_in * 1000 - MARGIN_MS;
    return opened;
  }

  /** One tab after the other: two that asked at once, with nothing kept, would be two visitors. */
  function asked(): Promise<Opened> {
    const name = `pgdesk.${options.widget}`;
    return navigator.locks ? navigator.locks.request(name, ask) : ask();
  }

  function opened(): Promise<Opened> {
    if (held && Date.now() < until) return Promise.resolve(held);
    asking ??= asked().finally(() => {
      asking = null;
    });
    return asking;
  }

  return {
    token: async () => (await opened()).access_token,
    organization: async () => (held ?? (await opened())).organization_id,
    greeting: async () => {
      const { greeting = null, is_open = null, opens_at = null } = held ?? (await opened());
      return { greeting, is_open, opens_at };
    },
    folder: async () => {
      const { access_token, organization_id } = held ?? (await opened());
      return `${organization_id}/uploads/${saidIn(access_token, "visitor_id")}`;
    },
    isIdentified: () => identity() !== null,
    expire: () => {
      until = 0;
    },
  };
}
