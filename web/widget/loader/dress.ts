/** A page may set another size for `rem` than the browser's, and names for custom properties that are ours too. */
export function shadowed(css: string): string {
  return css
    .replaceAll(":root", ".ground")
    .replace(/(^|[},\s])\[data-theme/g, "$1.ground[data-theme")
    .replace(/(\d*\.?\d+)rem\b/g, (_, number: string) => `${Number(number) * 16}px`);
}

/** Sheets that are made by script are no inline styles: a strict policy of the page allows them. */
export function dress(root: ShadowRoot, css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(shadowed(css));
  root.adoptedStyleSheets.push(sheet);
}
