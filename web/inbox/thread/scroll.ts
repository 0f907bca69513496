/** A thread is read from its end: it opens there, stays there while it grows, and older pages come above without a jump. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR_PX = 60;
/** Older messages are asked for before their place comes into sight. */
const AHEAD_PX = 800;

export function useThreadScroll({
  isReady,
  canLoad,
  load,
  onLook,
}: {
  isReady: boolean;
  canLoad: boolean;
  load: () => void;
  onLook: () => void;
}): {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  isAtEnd: boolean;
  toEnd: () => void;
} {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const latest = useRef({ canLoad, load, onLook });
  latest.current = { canLoad, load, onLook };

  const toEnd = useCallback(() => {
    sticks.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, []);

  // Opens at the end; where more is new than fits, at the first of it.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!isReady || !element) return;
    element.scrollTop = element.scrollHeight;
    const line = element.querySelector("[data-new]");
    if (line && line.getBoundingClientRect().top < element.getBoundingClientRect().top) {
      sticks.current = false;
      line.scrollIntoView({ block: "start" });
    }
  }, [isReady]);

  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (!element || !inner) return;
    const look = () => {
      const { onLook: tell, canLoad: more, load: ask } = latest.current;
      if (more && element.scrollTop < AHEAD_PX) {
        // At the very top browsers do not hold the place.
        if (element.scrollTop < 1) element.scrollTop = 1;
        ask();
      }
      tell();
    };
    const scrolled = () => {
      const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
      sticks.current = near;
      setAtEnd(near);
      look();
    };
    const grown = () => {
      if (sticks.current) element.scrollTop = element.scrollHeight;
      look();
    };
    const watch = new ResizeObserver(grown);
    watch.observe(inner);
    watch.observe(element);
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      watch.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, []);
  return { scroller, content, isAtEnd, toEnd };
}
