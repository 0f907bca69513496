/** What a signed token says. Nothing is checked here: that is the desk's. */
export function saidIn(token: string, name: string): string | null {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const said: unknown = JSON.parse(atob(part));
    const value = typeof said === "object" && said !== null ? (said as Record<string, unknown>)[name] : null;
    return typeof value === "string" && value ? value : null;
  } catch {
    return null;
  }
}

/** Of whom the site's word speaks. */
export const spokenOf = (word: string): string | null => saidIn(word, "sub") ?? saidIn(word, "email");
