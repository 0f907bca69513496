/** Text as it may stand in HTML, and data as they may stand in a script element. */
const NAMES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (each) => NAMES[each] ?? each);

export const json = (data: unknown): string => JSON.stringify(data).replace(/</g, "\\u003c");
