/** What the panel knows. */
import type { Greeting } from "../desk/visitor";
import type { Making } from "./reply";

export type Ticket = { id: string; status_category: "open" | "waiting" | "resolved"; created_at: string };
export type Message = {
  id: string;
  ticket_id: string;
  seq: number;
  sender: "contact" | "member" | "ai" | "system";
  body_text: string;
  reply_text: string | null;
  created_at: string;
};
export type File = {
  id: string;
  message_id: string;
  file_name: string;
  bytes: number;
  verdict: "waiting" | "clean" | "unscanned" | "infected" | "refused";
  storage_path: string;
};
/** What was written, or chosen to be sent along, and has not arrived yet. */
export type Unsent = {
  key: string;
  body: string;
  files: Upload[];
  forPerson: boolean;
  /** Where its words have arrived and its files have not. */
  message: string | null;
  problem: string | null;
};
/** A file of the visitor's; `path` is where it lies once it has been sent. */
export type Upload = { file: globalThis.File; path: string | null };

export type State = {
  /** `asleep` until the widget is opened, or a conversation is found; `refused`: the desk says no. */
  phase: "asleep" | "opening" | "ready" | "refused" | "lost";
  refusal: string | null;
  greeting: Greeting | null;
  tickets: Ticket[];
  /** By id: the order in which they were written. */
  messages: Message[];
  files: File[];
  hasEarlier: boolean;
  unsent: Unsent[];
  making: Making | null;
  /** Until when an answer by the AI is to be expected. */
  looking: boolean;
  isTyping: boolean;
  awaitsPerson: boolean;
  isLive: boolean;
  unread: number;
  /** The ticket that the desk asks about: how it was. */
  survey: string | null;
  hasAddress: boolean;
};

export const ASLEEP: State = {
  phase: "asleep",
  refusal: null,
  greeting: null,
  tickets: [],
  messages: [],
  files: [],
  hasEarlier: false,
  unsent: [],
  making: null,
  looking: false,
  isTyping: false,
  awaitsPerson: false,
  isLive: true,
  unread: 0,
  survey: null,
  hasAddress: false,
};

export const newestOf = (messages: Message[]): Message | undefined => messages.at(-1);

/** The ticket that the next word goes to; none where it opens one. */
export const openTicket = (tickets: Ticket[]): Ticket | undefined =>
  tickets.find((each) => each.status_category !== "resolved");

/** Two lists of messages as one, each message once. */
export function joined(one: Message[], other: Message[]): Message[] {
  const all = new Map([...one, ...other].map((each) => [each.id, each]));
  return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export const unseen = (messages: Message[], seen: string): number =>
  messages.filter((each) => each.sender !== "contact" && each.id > seen).length;
