/** What somebody has begun to write: kept in this browser until it is sent, through reloads and signing in. */
import { useCallback, useState } from "react";

export function useKept(name: string): [string, (text: string) => void] {
  const key = `pgdesk.begun.${name}`;
  const [text, setText] = useState(() => localStorage.getItem(key) ?? "");
  const write = useCallback(
    (next: string) => {
      setText(next);
      if (next) localStorage.setItem(key, next);
      else localStorage.removeItem(key);
    },
    [key],
  );
  return [text, write];
}
