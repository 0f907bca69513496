/** Markdown as HTML: not safe yet. It goes into a page by SafeHtml, or cleaned by `cleanArticle`. */
import { marked } from "marked";

export const articleHtml = (markdown: string): string => marked.parse(markdown, { async: false, gfm: true });
