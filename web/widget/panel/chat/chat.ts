/** The visitor's conversation: what is read of it, what is said in it, and what of it has been seen. */
import type { Frame } from "../../frame";
import { type Config, configOf } from "../desk/config";
import { type Hint, type Live, liveFor } from "../desk/live";
import { isPassing, Refusal } from "../desk/refusal";
import { type Rest, restFor } from "../desk/rest";
import { type Visitor, visitorFor } from "../desk/visitor";
import { type Observed, observed } from "./observed";
import { filesOf, messagesOf, PAGE, surveyOf, ticketsOf } from "./reading";
import { withDelta } from "./reply";
import { sendFiles } from "./sending";
import { ASLEEP, joined, type Message, newestOf, openTicket, type State, type Unsent, unseen } from "./state";

export type Desk = { config: Config; visitor: Visitor; rest: Rest };
export type Chat = {
  state: Observed<State>;
  desk: () => Promise<Desk>;
  /** The panel was opened: who the visitor is gets known, and what there is gets read. */
  wake: () => Promise<void>;
  say: (body: string, more?: { forPerson?: boolean; files?: globalThis.File[] }) => void;
  again: (unsent: Unsent) => void;
  drop: (unsent: Unsent) => void;
  earlier: () => Promise<void>;
  /** The conversation is before the visitor's eyes. */
  see: () => void;
  type: () => void;
  leaveAddress: (email: string) => Promise<void>;
  rate: (score: number, comment: string) => Promise<void>;
  /** The same visitor with a new word of the site's; or another, or none: then everything is read anew. */
  renew: (isSame: boolean) => void;
};

/** What is not followed by anything for so long is forgotten. */
const MAKING_MS = 30_000;
/** The AI answers within this, or a person will. */
const LOOKING_MS = 12_000;
const TYPING_MS = 6_000;
const TELL_TYPING_MS = 3_000;
/** Now and then what there is gets read though no hint came. */
const CHECK_MS = 60_000;
const RETRY_MS = 5_000;

export function chatFor(frame: Frame): Chat {
  const { kept, tell } = frame;
  const state = observed<State>(ASLEEP);
  const timers: Partial<Record<"making" | "looking" | "typing" | "check", ReturnType<typeof setTimeout>>> =
    {};
  let begun: Promise<Desk> | null = null;
  let live: Live | null = null;
  /** Counts visitors: what was asked for an earlier one is dropped. */
  let turn = 0;
  let reading: Promise<void> | null = null;
  let isStale = false;
  let toldTyping = 0;

  const after = (name: keyof typeof timers, ms: number, what: () => void) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(what, ms);
  };

  function desk(): Promise<Desk> {
    begun ??= begin().catch((error) => {
      begun = null;
      throw error;
    });
    return begun;
  }

  async function begin(): Promise<Desk> {
    const mine = turn;
    const config = await configOf(frame.options);
    const visitor = visitorFor(frame, config);
    await visitor.token();
    if (mine === turn)
      live = liveFor(config, visitor, {
        hint,
        joined: readSoon,
        state: (isLive) => state.change({ isLive }),
      });
    return { config, visitor, rest: restFor(config, visitor) };
  }

  async function wake(): Promise<void> {
    const { phase } = state.get();
    if (phase === "ready" || phase === "opening") return;
    const mine = turn;
    state.change({ phase: "opening", refusal: null });
    try {
      const { visitor } = await desk();
      const greeting = await visitor.greeting();
      if (kept.get("talks")) await read();
      if (mine !== turn) return;
      state.change({
        phase: "ready",
        greeting,
        hasAddress: visitor.isIdentified() || kept.get("address") !== null,
      });
      after("check", CHECK_MS, check);
    } catch (error) {
      if (mine !== turn) return;
      if (error instanceof Refusal && !isPassing(error)) {
        state.change({ phase: "refused", refusal: error.code });
      } else {
        state.change({ phase: "lost" });
        after("check", RETRY_MS, () => void wake());
      }
    }
  }

  function check(): void {
    after("check", CHECK_MS, check);
    if (document.visibilityState === "visible" && kept.get("talks")) readSoon();
  }

  /** One reading at a time; who asks meanwhile gets another. */
  async function read(): Promise<void> {
    if (reading) {
      isStale = true;
      return reading;
    }
    reading = readAll().finally(() => {
      reading = null;
      if (isStale) {
        isStale = false;
        readSoon();
      }
    });
    return reading;
  }

  const readSoon = () => void read().catch(() => after("check", RETRY_MS, check));

  async function readAll(): Promise<void> {
    const mine = turn;
    const { rest, visitor } = await desk();
    const organization_id = `eq.${await visitor.organization()}`;
    const tickets = await ticketsOf(rest, organization_id);
    if (mine !== turn) return;
    if (!tickets.length) return state.change({ tickets });
    const newest = await messagesOf(rest, organization_id, tickets, null);
    const files = newest.length ? await filesOf(rest, organization_id, newest) : [];
    const survey = await surveyOf(rest, organization_id, tickets);
    if (mine !== turn) return;
    const before = state.get();
    const messages = joined(before.messages, newest);
    const answers = messages.filter((each) => !before.messages.some(({ id }) => id === each.id));
    state.change({
      tickets,
      messages,
      survey,
      files: [...before.files.filter((each) => !newest.some(({ id }) => id === each.message_id)), ...files],
      hasEarlier: before.messages.length ? before.hasEarlier : newest.length === PAGE,
    });
    if (before.phase === "ready") for (const each of answers) heard(each);
    else if (kept.get("seen") === null) kept.set("seen", newestOf(messages)?.id ?? null);
    kept.set("talks", tickets[0]?.id ?? null);
    count();
    // The one that goes on, and the last one: it may be opened again, or asked about.
    live?.follow([...new Set([openTicket(tickets)?.id, tickets[0]?.id].filter((id) => id !== undefined))]);
  }

  /** A message that was not there before. */
  function heard(message: Message): void {
    if (message.sender === "contact") return;
    state.change({ looking: false, isTyping: false, making: null });
    if (message.sender === "member") state.change({ awaitsPerson: false });
    if (message.sender !== "system")
      tell("message", { id: message.id, by: message.sender === "ai" ? "ai" : "person" });
  }

  function hint({ ticket, event, payload }: Hint): void {
    if (event === "reply.delta") {
      const { making, messages } = state.get();
      const newest = messages.reduce(
        (most, each) => (each.ticket_id === ticket ? Math.max(most, each.seq) : most),
        0,
      );
      state.change({ making: withDelta(making, payload, newest), looking: false });
      after("making", MAKING_MS, () => state.change({ making: null }));
    } else if (event === "reply.withdrawn") {
      state.change({ making: null, looking: payload.by_person !== true && state.get().looking });
      if (payload.by_person === true) awaitPerson(ticket);
    } else if (event === "typing") {
      if (payload.by !== "member") return;
      state.change({ isTyping: true });
      after("typing", TYPING_MS, () => state.change({ isTyping: false }));
    } else readSoon();
  }

  function awaitPerson(ticket: string): void {
    if (state.get().awaitsPerson) return;
    state.change({ awaitsPerson: true, looking: false });
    tell("handover", { ticket_id: ticket });
  }

  function say(
    body: string,
    { forPerson = false, files = [] }: { forPerson?: boolean; files?: globalThis.File[] } = {},
  ): void {
    const uploads = files.map((file) => ({ file, path: null }));
    const unsent = {
      key: crypto.randomUUID(),
      body,
      files: uploads,
      forPerson,
      message: null,
      problem: null,
    };
    state.change({ unsent: [...state.get().unsent, unsent] });
    void send(unsent);
  }

  /** The words first: files go along with what was said. Each step is taken once, however often this is tried. */
  async function send(unsent: Unsent): Promise<void> {
    const mine = turn;
    let { message } = unsent;
    try {
      const { rest, visitor } = await desk();
      if (!message) {
        const said = await rest.call<Message>("say_in_chat", {
          body: unsent.body,
          external_id: unsent.key,
          wants_person: unsent.forPerson,
        });
        if (mine !== turn) return;
        message = said.id;
        arrived(said, unsent.forPerson);
      }
      if (unsent.files.length) {
        mark(unsent, { message });
        await sendFiles(rest, visitor, message, unsent.files);
      }
      if (mine !== turn) return;
      state.change({ unsent: state.get().unsent.filter(({ key }) => key !== unsent.key) });
      readSoon();
    } catch (error) {
      if (mine === turn)
        mark(unsent, { message, problem: error instanceof Refusal ? error.code : "offline" });
    }
  }

  function arrived(said: Message, forPerson: boolean): void {
    kept.set("talks", said.ticket_id);
    const { messages, awaitsPerson } = state.get();
    state.change({ messages: joined(messages, [said]), looking: !forPerson && !awaitsPerson });
    if (forPerson) awaitPerson(said.ticket_id);
    after("looking", LOOKING_MS, () => state.change({ looking: false }));
    live?.follow([said.ticket_id]);
    readSoon();
  }

  const mark = (unsent: Unsent, part: Partial<Unsent>) =>
    state.change({
      unsent: state.get().unsent.map((each) => (each.key === unsent.key ? { ...each, ...part } : each)),
    });

  function count(): void {
    const { messages, unread } = state.get();
    const now = unseen(messages, kept.get("seen") ?? "");
    if (now === unread) return;
    state.change({ unread: now });
    tell("unread", now);
  }

  function see(): void {
    const newest = newestOf(state.get().messages)?.id;
    const isNew = newest !== undefined && newest > (kept.get("seen") ?? "");
    if (isNew && document.visibilityState === "visible") {
      kept.set("seen", newest);
      void tellSeen();
    }
    count();
  }

  /** What was seen here is not sent by mail. */
  async function tellSeen(): Promise<void> {
    const last = newestOf(state.get().messages);
    if (!last || last.sender === "contact") return;
    const { rest } = await desk();
    // Where it fails, the next message that is seen says it too.
    await rest.call("mark_seen", { ticket_id: last.ticket_id, seq: last.seq }).catch(() => {});
  }

  function renew(isSame: boolean): void {
    if (isSame && begun && state.get().phase === "ready") {
      void begun.then(({ visitor }) => visitor.expire());
      return;
    }
    const { phase } = state.get();
    turn += 1;
    live?.end();
    live = null;
    begun = null;
    reading = null;
    for (const each of Object.values(timers)) clearTimeout(each);
    state.change(ASLEEP);
    // The open panel wakes it by itself.
    if (phase !== "asleep" && kept.get("talks")) void wake();
  }

  kept.onChange(() => {
    if (state.get().phase !== "ready") return;
    count();
    if (kept.get("talks") !== (state.get().tickets[0]?.id ?? null)) readSoon();
  });
  const back = () => {
    if (document.visibilityState !== "visible" || !navigator.onLine) return;
    if (state.get().phase === "lost") void wake();
    else if (state.get().phase === "ready" && kept.get("talks")) readSoon();
  };
  addEventListener("online", back);
  document.addEventListener("visibilitychange", back);

  return {
    state,
    desk,
    wake,
    say,
    see,
    renew,
    again: (unsent) => {
      mark(unsent, { problem: null });
      void send(unsent);
    },
    drop: ({ key }) => state.change({ unsent: state.get().unsent.filter((each) => each.key !== key) }),
    earlier: async () => {
      const { rest, visitor } = await desk();
      const { messages, tickets } = state.get();
      const organization_id = `eq.${await visitor.organization()}`;
      const page = await messagesOf(rest, organization_id, tickets, messages[0]?.id ?? null);
      const files = page.length ? await filesOf(rest, organization_id, page) : [];
      state.change({
        messages: joined(state.get().messages, page),
        files: [...state.get().files, ...files],
        hasEarlier: page.length === PAGE,
      });
    },
    type: () => {
      const ticket = openTicket(state.get().tickets)?.id;
      if (!ticket || Date.now() - toldTyping < TELL_TYPING_MS) return;
      toldTyping = Date.now();
      live?.say(ticket, "typing", { by: "contact" });
    },
    leaveAddress: async (email) => {
      await (await desk()).rest.call("leave_address", { email });
      kept.set("address", email);
      state.change({ hasAddress: true });
    },
    rate: async (score, comment) => {
      const { survey } = state.get();
      if (survey) await (await desk()).rest.call("rate_ticket", { ticket_id: survey, score, comment });
    },
  };
}
