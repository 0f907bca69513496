/** What every part of the panel uses: the conversation, and words. */
import { type Language, type Translate, translate } from "@kit/i18n/words";
import { createContext } from "preact";
import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat/chat";
import type { State } from "./chat/state";
import { words } from "./words";

export const Given = createContext<{ chat: Chat; language: Language } | null>(null);

function useGiven() {
  const found = useContext(Given);
  if (!found) throw new Error("nothing is given above this component");
  return found;
}

export const useChat = (): Chat => useGiven().chat;
export const useLanguage = (): Language => useGiven().language;

export function useChatState(): State {
  const { state } = useChat();
  const [value, set] = useState(state.get);
  useEffect(() => {
    set(state.get());
    return state.watch(() => set(state.get()));
  }, [state]);
  return value;
}

export function useWords(): Translate<keyof (typeof words)["en"]> {
  const language = useLanguage();
  return useMemo(() => (key, values) => translate(words, language, key, values), [language]);
}

type Asked<T> = { key: string | null; value: T | null; failed: boolean };

/** The result of something asked of the desk, again for each `key`; null while it is not there. */
export function useAsked<T>(key: string, ask: () => Promise<T>): { value: T | null; failed: boolean } {
  const [got, set] = useState<Asked<T>>({ key: null, value: null, failed: false });
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    let isCurrent = true;
    asking.current().then(
      (value) => isCurrent && set({ key, value, failed: false }),
      () => isCurrent && set({ key, value: null, failed: true }),
    );
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return got.key === key ? got : { value: null, failed: false };
}
