/**
 * HTML of others made safe to show: an allow list, whatever cleaned it before. Gives nodes, never text, so nothing is parsed
 * a second time by rules of another place.
 */
import createPurifier from "dompurify";
import { keepHarmlessStyle } from "./mail_style";

const TEXT =
  "a b big blockquote br code del em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s small span strike strong sub sup u ul";
const TABLES = "caption col colgroup table tbody td tfoot th thead tr";
const MAIL_TAGS = `${TEXT} ${TABLES} address article aside center dd details div dl dt figcaption figure font footer header main nav section summary tt`;
const MAIL_ATTRIBUTES =
  "align alt bgcolor border cellpadding cellspacing color colspan dir face height href lang rowspan size span src start style title type valign width data-remote-src";
const ARTICLE_TAGS = `${TEXT} ${TABLES} details div figcaption figure input summary`;
const ARTICLE_ATTRIBUTES =
  "align alt checked class colspan dir disabled height href id lang rowspan src start title type width";

/** No script address, no page made of its own address, nothing relative: a mail has no place that it could be relative to. */
const MAIL_LINK = /^(?:https?:\/\/|mailto:|tel:)/i;
const PICTURE_DATA = /^data:image\/(?:png|jpe?g|gif|webp);base64,[a-z0-9+/=\s]*$/i;
const REMOTE = /^(?:https?:)?\/\//i;

export type MailOptions = {
  /** Addresses of the mail's own pictures, by content id. */
  pictures?: ReadonlyMap<string, string>;
  /** Load what lies elsewhere: the sender learns that, when and where from the mail was read. */
  remote?: boolean;
};
export type CleanMail = {
  body: DocumentFragment;
  /** How many pictures lie elsewhere, loaded or not. */
  remotePictures: number;
  /** It has colours of its own, so it needs the white paper that it was made for. */
  isColoured: boolean;
};

export function cleanMail(html: string, { pictures, remote = false }: MailOptions = {}): CleanMail {
  const purifier = createPurifier(window);
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (!(node instanceof HTMLElement) && !("style" in node)) return;
    const element = node as HTMLElement;
    keepHarmlessStyle(element);
    if (element.tagName === "A") followApart(element, MAIL_LINK);
    else element.removeAttribute("href");
  });
  const body = purifier.sanitize(html, {
    ALLOWED_TAGS: MAIL_TAGS.split(" "),
    ALLOWED_ATTR: MAIL_ATTRIBUTES.split(" "),
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|cid:|\/\/|data:image\/)/i,
    FORBID_CONTENTS: [
      "script",
      "style",
      "title",
      "head",
      "template",
      "noscript",
      "iframe",
      "object",
      "textarea",
      "select",
      "svg",
      "math",
    ],
    RETURN_DOM_FRAGMENT: true,
  });
  let remotePictures = 0;
  for (const picture of body.querySelectorAll("img")) {
    if (resolve(picture, pictures, remote)) remotePictures += 1;
  }
  for (const other of body.querySelectorAll("[src]:not(img)")) other.removeAttribute("src");
  return { body, remotePictures, isColoured: hasColours(body) };
}

/** Gives a picture the address that it may load from, or none. True where it lies elsewhere. */
function resolve(picture: HTMLImageElement, pictures: MailOptions["pictures"], remote: boolean): boolean {
  const blocked = picture.getAttribute("data-remote-src");
  const address = (blocked ?? picture.getAttribute("src") ?? "").trim();
  picture.removeAttribute("src");
  picture.removeAttribute("data-remote-src");
  picture.setAttribute("referrerpolicy", "no-referrer");
  if (/^cid:/i.test(address)) {
    const found = pictures?.get(contentId(address.slice(4)));
    if (found) picture.src = found;
    return false;
  }
  if (!blocked && PICTURE_DATA.test(address)) {
    picture.src = address;
    return false;
  }
  if (!REMOTE.test(address)) return false;
  // Never in plain: whoever is on the way would read along.
  if (remote) picture.src = address.replace(/^(?:https?:)?\/\//i, "https://");
  else picture.style.outline = "1px dashed color-mix(in srgb, currentColor 40%, transparent)";
  return true;
}

/** As a header field has it or as an address has it. */
export function contentId(text: string): string {
  let plain = text;
  try {
    plain = decodeURIComponent(text);
  } catch {
    // A stray % of a sender who does not escape.
  }
  return plain.replace(/^<|>$/g, "").toLowerCase();
}

function followApart(link: HTMLElement, allowed: RegExp): void {
  const address = link.getAttribute("href") ?? "";
  // It would show another address than the link's.
  link.removeAttribute("title");
  if (!allowed.test(address.trim())) {
    link.removeAttribute("href");
    return;
  }
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
}

const hasColours = (body: DocumentFragment): boolean =>
  body.querySelector("[bgcolor], font[color]") !== null ||
  [...body.querySelectorAll<HTMLElement>("[style]")].some(
    ({ style }) => style.backgroundColor !== "" || style.color !== "",
  );

/** An article made of Markdown: our own writers', shown in the page itself, so without any style of its own. */
export function cleanArticle(html: string): DocumentFragment {
  const purifier = createPurifier(window);
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (!("tagName" in node)) return;
    const element = node as HTMLElement;
    if (element.tagName === "A" && /^https?:/i.test(element.getAttribute("href") ?? ""))
      followApart(element, MAIL_LINK);
    // Only the boxes of a list of tasks.
    if (element.tagName === "INPUT") {
      element.setAttribute("type", "checkbox");
      element.setAttribute("disabled", "");
    }
    if (element.tagName === "IMG") element.setAttribute("loading", "lazy");
  });
  return purifier.sanitize(html, {
    ALLOWED_TAGS: ARTICLE_TAGS.split(" "),
    ALLOWED_ATTR: ARTICLE_ATTRIBUTES.split(" "),
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|\/(?!\/)|\.{0,2}\/|#|data:image\/(?:png|jpe?g|gif|webp);)/i,
    SANITIZE_NAMED_PROPS: true,
    RETURN_DOM_FRAGMENT: true,
  });
}
