/** Markdown as HTML that is safe to write into a page: cleaned by the rules that the portal shows it by. */
import { articleHtml } from "@kit/html/article_html";
import { cleanArticle } from "@kit/html/sanitise";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
Object.assign(globalThis, { window });

export function safeArticle(markdown: string): { html: string; text: string } {
  const place = window.document.createElement("div");
  place.append(cleanArticle(articleHtml(markdown)));
  return { html: place.innerHTML, text: (place.textContent ?? "").replace(/\s+/g, " ").trim() };
}
