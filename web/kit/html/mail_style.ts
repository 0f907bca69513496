/** What of a mail's styles is kept. Read through the browser's own parser: escapes and tricks of spelling are gone by then. */

const KEPT = new Set(
  `background-color border-block-color border-bottom-color border-bottom-style border-bottom-width border-collapse
  border-left-color border-left-style border-left-width border-right-color border-right-style border-right-width
  border-spacing border-top-color border-top-style border-top-width border-top-left-radius border-top-right-radius
  border-bottom-left-radius border-bottom-right-radius color direction font-family font-size font-style font-weight
  height letter-spacing line-height list-style-type margin-bottom margin-left margin-right margin-top max-width
  padding-bottom padding-left padding-right padding-top text-align text-decoration-line text-indent text-transform
  vertical-align white-space-collapse text-wrap-mode width word-break overflow-wrap`.split(/\s+/),
);
/** What loads, what is measured against the window (a frame that grows with its content would grow for ever), what leaves
 *  its place. */
const TRICK =
  /url|image|src|var\(|attr\(|env\(|expression|-\d|\d(?:[sld]?v(?:w|h|i|b|min|max)|cq\w+)\b|calc|clamp|m(?:in|ax)\(/i;

/** Leaves of an element's own style what shows text and tables, and nothing else. */
export function keepHarmlessStyle(element: HTMLElement): void {
  const given = element.style;
  const kept: string[] = [];
  for (const name of Array.from(given)) {
    const value = given.getPropertyValue(name);
    if (KEPT.has(name) && value.length < 200 && !TRICK.test(value)) kept.push(`${name}: ${value}`);
  }
  if (kept.length) element.setAttribute("style", kept.join("; "));
  else element.removeAttribute("style");
}
