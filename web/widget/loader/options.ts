/** What a page's script tag asks for: its `data-` attributes. */

export type Options = {
  widget: string;
  /** Where widget.js lies: the panel and config.json are beside it. */
  home: string;
  /** The Supabase project; without both, config.json says it. */
  api: string | null;
  key: string | null;
  identity: string | null;
  language: string | null;
  theme: "auto" | "light" | "dark";
  side: "start" | "end";
  /** No button: the page has one of its own and calls `pgdesk("open")`. */
  bare: boolean;
};

const UUID = /^(?:wdg_)?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** Throws where the tag names no widget: that is a mistake of who wrote the page, and the console is where they look. */
export function optionsOf(script: HTMLScriptElement): Options {
  const said = script.dataset;
  const widget = said.widget ?? "";
  if (!UUID.test(widget)) throw new Error("pgdesk: data-widget should be the id of a widget");
  const { theme, side } = said;
  return {
    widget: widget.toLowerCase(),
    home: new URL(".", script.src).href,
    api: said.api?.replace(/\/+$/, "") ?? null,
    key: said.key ?? null,
    identity: said.identity || null,
    language: said.language ?? null,
    theme: theme === "light" || theme === "dark" ? theme : "auto",
    side: side === "start" ? "start" : "end",
    bare: said.launcher === "none",
  };
}
