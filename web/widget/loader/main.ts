/**
 * The one script of a page that shows the widget: a button. The panel comes when somebody opens it, or where there is a
 * conversation already, whose answers the button counts.
 *
 *     <script src="https://desk.example/widget.js" data-widget="…" async></script>
 */

import panelPath from "virtual:panel";
import { directionOf } from "@kit/i18n/words";
import type { Frame, Panel, Start, Told } from "../frame";
import { commands, listeners } from "./commands";
import { dress } from "./dress";
import { keep } from "./kept";
import { launcherFor } from "./launcher";
import css from "./launcher.css?inline";
import { type Options, optionsOf } from "./options";
import { layGround } from "./shadow";
import { titled } from "./title";
import { spokenOf } from "./word";
import { languageOf } from "./words";

const script = document.currentScript ?? document.querySelector("script[data-widget]");
if (script instanceof HTMLScriptElement && !document.querySelector("pgdesk-widget")) {
  const options = optionsOf(script);
  if (document.body) begin(options);
  else addEventListener("DOMContentLoaded", () => begin(options));
}

function begin(options: Options): void {
  const language = languageOf(options.language);
  const { host, root, ground } = layGround(options.theme, directionOf(language));
  dress(root, css);
  ground.lang = language;
  ground.dataset.side = options.side;
  const launcher = launcherFor(language, ground);
  launcher.button.hidden = options.bare;
  const place = document.createElement("div");
  ground.append(place);
  document.body.append(host);

  const kept = keep(options.widget);
  // In this tab only: a page that follows shows what the one before did.
  const wasOpen = `pgdesk.${options.widget}.open`;
  let identity = options.identity;
  let isOpen = false;
  let loading: Promise<Panel> | null = null;
  kept.use(identity && spokenOf(identity));

  const tell = <T extends keyof Told>(name: T, detail: Told[T]) => {
    if (name === "unread") {
      launcher.unread(detail as number);
      titled(detail as number);
    }
    listeners.tell(name, detail);
  };

  const frame: Frame = {
    options: { ...options, language },
    kept,
    root,
    place,
    identity: () => identity,
    close: () => set(false),
    tell,
  };

  function load(): Promise<Panel> {
    loading ??= import(/* @vite-ignore */ new URL(panelPath, options.home).href).then(
      ({ start }: { start: Start }) => start(frame),
    );
    return loading;
  }

  async function set(open: boolean): Promise<void> {
    if (open === isOpen) return;
    isOpen = open;
    remember(wasOpen, open);
    launcher.busy(open);
    try {
      const panel = await load();
      // Meanwhile it may have been closed again.
      if (isOpen !== open) return;
      if (open) panel.show();
      else panel.hide();
      launcher.open(open);
      tell(open ? "open" : "close", undefined);
      if (!open && root.activeElement === null) launcher.button.focus();
    } catch {
      isOpen = false;
      loading = null;
      launcher.failed();
    } finally {
      launcher.busy(false);
    }
  }

  function become(next: string | null): void {
    const who = next && spokenOf(next);
    const isSame = who !== null && who === (identity && spokenOf(identity));
    identity = next;
    kept.use(who);
    if (!isSame) tell("unread", 0);
    if (loading) void loading.then((panel) => panel.renew(isSame));
    else follow();
  }

  /** Where there is a conversation its answers are counted, though nobody has opened anything yet. */
  function follow(): void {
    if (!kept.get("talks")) return;
    const soon = globalThis.requestIdleCallback ?? setTimeout;
    soon(() => void load().catch(launcher.failed));
  }

  launcher.button.addEventListener("click", () => void set(!isOpen));
  kept.onChange(() => {
    if (!loading) follow();
  });
  commands({
    open: () => void set(true),
    close: () => void set(false),
    identify: (word) => become(typeof word === "string" && word ? word : null),
    forget: () => {
      kept.forget();
      become(identity);
    },
    on: (name, hear) => listeners.add(String(name), hear),
  });
  // A phone's screen belongs to the page that was just opened.
  if (recall(wasOpen) && innerWidth > 480) void set(true);
  else follow();
}

function remember(name: string, is: boolean): void {
  try {
    if (is) sessionStorage.setItem(name, "1");
    else sessionStorage.removeItem(name);
  } catch {
    // No storage: the next page shows it closed.
  }
}

function recall(name: string): boolean {
  try {
    return sessionStorage.getItem(name) !== null;
  } catch {
    return false;
  }
}
