/** The page that a mail is shown on: how it looks there, by styles on the elements themselves (the policy allows no others). */

export type Scheme = "light" | "dark";

/** Which of the two the page around is in. */
export function schemeOf(element: Element): Scheme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return element.ownerDocument.defaultView?.matchMedia("(prefers-color-scheme: dark)").matches
    ? "dark"
    : "light";
}

/** Puts a cleaned mail into a frame's document. A mail with colours of its own gets white paper, whatever the page is in. */
export function lay(
  body: DocumentFragment,
  target: Document,
  { around, isColoured, scheme }: { around: Element; isColoured: boolean; scheme: Scheme },
): void {
  const paper = getComputedStyle(around);
  const own = isColoured && scheme === "dark";
  const page = target.documentElement.style;
  page.colorScheme = own ? "light" : scheme;
  page.background = own ? "white" : "transparent";
  page.overflow = "hidden";
  target.body.dir = "auto";
  const style = target.body.style;
  style.margin = "0";
  style.padding = own ? "12px" : "0";
  style.color = own ? "black" : paper.color;
  style.font = `${paper.fontSize} / 1.5 ${paper.fontFamily}`;
  style.overflowX = "auto";
  style.overflowY = "hidden";
  style.overflowWrap = "anywhere";
  target.body.replaceChildren(target.adoptNode(body));
  for (const picture of target.images) {
    picture.style.maxWidth = "100%";
    if (!picture.style.height) picture.style.height = "auto";
  }
  for (const quote of target.querySelectorAll("blockquote")) {
    quote.style.margin = "8px 0";
    quote.style.borderInlineStart = "3px solid color-mix(in srgb, currentColor 25%, transparent)";
    quote.style.paddingInlineStart = "12px";
  }
  if (!own) {
    const accent = getComputedStyle(around).getPropertyValue("--mail-link");
    for (const link of target.links) if (accent && !link.style.color) link.style.color = accent;
  }
  for (const summary of target.querySelectorAll("summary")) {
    summary.style.cssText =
      "display: inline-block; padding: 0 8px; margin: 8px 0; border-radius: 8px; cursor: pointer; background: color-mix(in srgb, currentColor 12%, transparent);";
  }
}
