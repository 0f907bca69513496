/**
 * A mail as its sender made it, where it can touch nothing: cleaned first; in a frame in which no script runs, whose own
 * policy lets only what was asked for be loaded; and as high as it is, so it covers nothing but its own place.
 */
import { useEffect, useRef, useState } from "react";
import { foldQuotes } from "./fold";
import { lay, type Scheme, schemeOf } from "./paper";
import { cleanMail } from "./sanitise";

/** Higher than any letter; what is higher scrolls inside. */
const MOST_PX = 30_000;

type Props = {
  html: string;
  /** What is new in it, as text: the rest is folded away. */
  fresh: string | null;
  pictures: ReadonlyMap<string, string>;
  /** Load pictures that lie elsewhere. */
  remote: boolean;
  title: string;
  quotesLabel: string;
  onRemotePictures?: (count: number) => void;
  className?: string | undefined;
};

/** Another policy is another page: one that is there already would load by the old one. */
export function MailFrame(props: Props) {
  const page = emptyPage(props.remote, props.pictures);
  return <Frame key={page} page={page} {...props} />;
}

function Frame({
  page,
  html,
  fresh,
  pictures,
  remote,
  title,
  quotesLabel,
  onRemotePictures,
  className,
}: Props & { page: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, setHeight] = useState(0);
  const [ready, setReady] = useState(false);
  const scheme = useScheme(frame);
  const told = useRef(onRemotePictures);
  told.current = onRemotePictures;

  useEffect(() => {
    const element = frame.current;
    const inside = element?.contentDocument;
    if (!ready || !element || !inside) return;
    const { body, remotePictures, isColoured } = cleanMail(html, { pictures, remote });
    foldQuotes(body, fresh, quotesLabel);
    told.current?.(remotePictures);
    lay(body, inside, { around: element, isColoured, scheme });
    const measure = () => {
      const bar = inside.body.offsetHeight - inside.body.clientHeight;
      setHeight(Math.min(Math.ceil(inside.body.scrollHeight + bar), MOST_PX));
    };
    measure();
    const watch = new ResizeObserver(measure);
    for (const each of [inside.body, ...inside.body.children]) watch.observe(each);
    // A fold that opens, a picture that has come: neither bubbles.
    inside.addEventListener("load", measure, true);
    inside.addEventListener("toggle", measure, true);
    // Shortcuts work on while something in the mail has the focus.
    const passOn = (event: KeyboardEvent) => {
      const same = new KeyboardEvent("keydown", { ...keysOf(event), bubbles: true, cancelable: true });
      if (!element.dispatchEvent(same)) event.preventDefault();
    };
    inside.addEventListener("keydown", passOn);
    return () => {
      watch.disconnect();
      inside.removeEventListener("load", measure, true);
      inside.removeEventListener("toggle", measure, true);
      inside.removeEventListener("keydown", passOn);
    };
  }, [ready, html, fresh, pictures, remote, quotesLabel, scheme]);

  return (
    <iframe
      ref={frame}
      title={title}
      className={className}
      style={{ height: `${height}px` }}
      // No scripts, no forms, no way up. The same origin only so that its height can be measured from outside.
      sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
      srcDoc={page}
      onLoad={() => setReady(true)}
    />
  );
}

function emptyPage(remote: boolean, pictures: ReadonlyMap<string, string>): string {
  const own = new Set([...pictures.values()].map((address) => new URL(address, location.href).origin));
  const from = ["data:", "blob:", ...own, ...(remote ? ["https:"] : [])].join(" ");
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src ${from}; form-action 'none'; base-uri 'none'`;
  return `<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="referrer" content="no-referrer"></head><body></body></html>`;
}

const keysOf = ({
  key,
  code,
  ctrlKey,
  metaKey,
  shiftKey,
  altKey,
  repeat,
}: KeyboardEvent): KeyboardEventInit => ({
  key,
  code,
  ctrlKey,
  metaKey,
  shiftKey,
  altKey,
  repeat,
});

/** Follows the page from light to dark and back. */
function useScheme(element: React.RefObject<Element | null>): Scheme {
  const [scheme, setScheme] = useState<Scheme>(() => schemeOf(document.documentElement));
  useEffect(() => {
    const look = () => element.current && setScheme(schemeOf(element.current));
    const chosen = new MutationObserver(look);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", look);
    look();
    return () => {
      chosen.disconnect();
      system.removeEventListener("change", look);
    };
  }, [element]);
  return scheme;
}
