/** What the loader and the panel know of each other. The panel is loaded when it is needed, and told the rest by this. */
import type { Kept } from "./loader/kept";
import type { Options } from "./loader/options";

/** What a page can listen to: `pgdesk("on", "message", …)`. */
export type Told = {
  open: undefined;
  close: undefined;
  /** How many answers have not been seen. */
  unread: number;
  /** Somebody answered: a person, or the AI. */
  message: { id: string; by: "person" | "ai" };
  /** A person was asked for, or the desk says that one will answer. */
  handover: { ticket_id: string };
  /** The desk refused: `origin_refused`, `identity_refused`, … */
  refused: { code: string };
};

export type Frame = {
  options: Options;
  kept: Kept;
  root: ShadowRoot;
  /** Where the panel stands. */
  place: HTMLElement;
  /** The site's word on who the visitor is; null for anonymous ones. */
  identity: () => string | null;
  close: () => void;
  tell: <T extends keyof Told>(name: T, detail: Told[T]) => void;
};

export type Panel = {
  show: () => void;
  hide: () => void;
  /** The site has spoken anew: of the same visitor as before, or of another, for whom everything is read anew. */
  renew: (isSame: boolean) => void;
};

/** What the panel's first module exports as `start`. */
export type Start = (frame: Frame) => Panel;
