/** The pages of a static help centre, as text. Links are relative, so the folder may lie anywhere. */
import { type Article, type Catalog, type Category, type Entry, readingDirection } from "../help/catalog";
import type { Centre } from "../shell/centre";
import { escaped as e, json } from "./escape";
import { safeArticle } from "./markdown";
import { wordsIn } from "./words";

export type Site = { centre: Centre; catalog: Catalog; site: string; portal: string };
type Page = {
  /** Below the organization's folder, without the first slash: "", "returns/", "returns/boots/". */
  path: string;
  title: string;
  description: string;
  language: string;
  kind: "website" | "article";
  data: Record<string, unknown>[];
  body: string;
};

const LOOSE = "articles";
const DESCRIPTION = 160;
const encoded = (path: string) => path.split("/").map(encodeURIComponent).join("/");
const up = (path: string) => "../".repeat(path.split("/").length - 1) || "./";

export function homePage(about: Site): string {
  const { centre, catalog } = about;
  const t = wordsIn(centre.language);
  const shelf = (name: string, path: string | null, articles: Entry[], folder: string) => `
      <section class="shelf">
        <h2>${path ? `<a href="${e(encoded(path))}" dir="auto">${e(name)}</a>` : e(name)}</h2>
        <ul>${articles.map((each) => item(each, encoded(`${folder}/${each.slug}/`))).join("")}</ul>
      </section>`;
  return page(about, {
    path: "",
    title: t("helpCentre", { name: centre.name }),
    description: t("describes", { name: centre.name }),
    language: centre.language,
    kind: "website",
    data: [{ "@type": "WebSite", name: t("helpCentre", { name: centre.name }), inLanguage: centre.language }],
    body: `
    <section class="hero"><div class="heroInside"><h1>${e(t("greeting"))}</h1>${searchForm(about)}</div></section>
    <div class="page">
      <div class="shelves">${catalog.categories.map((each) => shelf(each.name, `${each.slug}/`, each.articles, each.slug)).join("")}
      ${catalog.loose.length > 0 ? shelf(t("others"), null, catalog.loose, LOOSE) : ""}</div>
      ${contact(about)}
    </div>`,
  });
}

export function categoryPage(about: Site, category: Category): string {
  const { centre } = about;
  const t = wordsIn(centre.language);
  const path = `${category.slug}/`;
  return page(about, {
    path,
    title: `${category.name} · ${centre.name}`,
    description: t("describesCategory", { category: category.name, name: centre.name }),
    language: centre.language,
    kind: "website",
    data: [crumbs(about, category)],
    body: `
    <div class="page">
      ${trail(about, path, null)}
      <h1 class="heading" dir="auto">${e(category.name)}</h1>
      <ul class="list">${category.articles.map((each) => item(each, encoded(`${each.slug}/`))).join("")}</ul>
      ${contact(about)}
    </div>`,
  });
}

export function articlePage(about: Site, category: Category | null, article: Article): string {
  const { centre } = about;
  const t = wordsIn(centre.language);
  const path = `${category?.slug ?? LOOSE}/${article.slug}/`;
  const { html, text } = safeArticle(article.body);
  const description = text.length > DESCRIPTION ? `${text.slice(0, DESCRIPTION - 1).trimEnd()}…` : text;
  const day = new Intl.DateTimeFormat(centre.language, { dateStyle: "medium", timeZone: "UTC" });
  const others = (category?.articles ?? []).filter((each) => each.id !== article.id).slice(0, 8);
  const itself = {
    "@type": "Article",
    headline: article.title,
    description,
    inLanguage: article.language,
    dateModified: article.updatedAt,
    mainEntityOfPage: address(about, path),
    publisher: { "@type": "Organization", name: centre.name },
  };
  return page(about, {
    path,
    title: `${article.title} · ${centre.name}`,
    description,
    language: article.language,
    kind: "article",
    data: [itself, ...(category ? [crumbs(about, category, article)] : [])],
    body: `
    <div class="page"><div class="columns">
      <div>
        ${trail(about, path, category)}
        <article><h1 class="title">${e(article.title)}</h1><div class="text">${html}</div></article>
        <p class="muted" lang="${e(centre.language)}" dir="auto"><time datetime="${e(article.updatedAt)}">${e(t("updated", { day: day.format(new Date(article.updatedAt)) }))}</time></p>
        ${contact(about)}
      </div>
      ${others.length > 0 ? `<nav class="beside" aria-label="${e(t("inCategory"))}"><h2>${e(t("inCategory"))}</h2><ul>${others.map((each) => item(each, `../${encoded(each.slug)}/`)).join("")}</ul></nav>` : ""}
    </div></div>`,
  });
}

/** The first letter of the name on the organization's colour. */
export function icon({ name, brand_color }: Centre): string {
  const letter = Array.from(name)[0]?.toLocaleUpperCase() ?? "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${e(brand_color ?? "#2457c5")}"/><text x="16" y="22" font-family="sans-serif" font-size="18" font-weight="700" text-anchor="middle" fill="#fff">${e(letter)}</text></svg>\n`;
}

export function sitemap(about: Site): string {
  const { categories, loose } = about.catalog;
  const found: [string, string | null][] = [
    ["", null],
    ...categories.flatMap((shelf): [string, string | null][] => [
      [`${shelf.slug}/`, null],
      ...shelf.articles.map((each): [string, string] => [`${shelf.slug}/${each.slug}/`, each.updatedAt]),
    ]),
    ...loose.map((each): [string, string] => [`${LOOSE}/${each.slug}/`, each.updatedAt]),
  ];
  const urls = found.map(
    ([path, at]) =>
      `  <url><loc>${e(address(about, path))}</loc>${at ? `<lastmod>${e(at)}</lastmod>` : ""}</url>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join("\n")}\n</urlset>\n`;
}

function page(about: Site, { path, title, description, language, kind, data, body }: Page): string {
  const { centre } = about;
  const t = wordsIn(centre.language);
  const here = address(about, path);
  const root = up(path);
  const linked = data.map((each) => ({ "@context": "https://schema.org", ...each }));
  const logo = centre.logo_url;
  return `<!doctype html>
<html lang="${e(language)}" dir="${readingDirection(language)}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${e(title)}</title>
    <meta name="description" content="${e(description)}">
    <link rel="canonical" href="${e(here)}">
    <meta property="og:type" content="${kind}">
    <meta property="og:title" content="${e(title)}">
    <meta property="og:description" content="${e(description)}">
    <meta property="og:url" content="${e(here)}">
    <meta property="og:site_name" content="${e(centre.name)}">
    <meta property="og:locale" content="${e(language)}">${logo ? `\n    <meta property="og:image" content="${e(logo)}">` : ""}
    <link rel="icon" href="${root}icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="${root}style.css">
    ${linked.map((each) => `<script type="application/ld+json">${json(each)}</script>`).join("\n    ")}
  </head>
  <body>
    <div class="frame">
    <a class="skip" href="#content">${e(t("skip"))}</a>
    <header class="header"><div class="bar">
      <a class="brand" href="${root}">${logo ? `<img src="${e(logo)}" alt="" referrerpolicy="no-referrer">` : ""}<span class="name">${e(centre.name)}</span></a>
      <nav class="navigation" aria-label="${e(t("main"))}"><a href="${root}">${e(t("help"))}</a>${
        centre.takes_tickets ? `<a href="${e(portal(about, "tickets"))}">${e(t("myTickets"))}</a>` : ""
      }</nav>
    </div></header>
    <main class="content" id="content">${body}
    </main>
    <footer class="footer"><span>${e(centre.name)}</span></footer>
    </div>
  </body>
</html>
`;
}

const address = ({ centre, site }: Site, path: string) => `${site}/${centre.slug}/${encoded(path)}`;
const portal = (about: Site, path: string) => `${about.portal}/${about.centre.slug}/${path}`;

const item = ({ title, language }: Entry, href: string) =>
  `<li><a href="${e(href)}" lang="${e(language)}" dir="auto">${e(title)}</a></li>`;

/** Goes to the portal, which can search. */
function searchForm(about: Site): string {
  const t = wordsIn(about.centre.language);
  return `<search class="search"><form action="${e(portal(about, "search"))}"><input type="search" name="q" required dir="auto" aria-label="${e(t("search"))}" placeholder="${e(t("search"))}"><button>${e(t("find"))}</button></form></search>`;
}

function contact(about: Site): string {
  if (!about.centre.takes_tickets) return "";
  const t = wordsIn(about.centre.language);
  return `<aside class="contact" aria-label="${e(t("writeToUs"))}"><div><p class="contactTitle">${e(t("stillStuck"))}</p><p class="muted">${e(t("stillStuckMore"))}</p></div><a class="link" href="${e(portal(about, "tickets/new"))}">${e(t("writeToUs"))}</a></aside>`;
}

function trail(about: Site, path: string, category: Category | null): string {
  const t = wordsIn(about.centre.language);
  const above = category
    ? `<li><span aria-hidden="true">›</span> <a href="../" dir="auto">${e(category.name)}</a></li>`
    : "";
  return `<nav class="path" aria-label="${e(t("path"))}"><ol><li><a href="${up(path)}">${e(t("help"))}</a></li>${above}</ol></nav>`;
}

function crumbs(about: Site, category: Category, article?: Article): Record<string, unknown> {
  const places: [string, string][] = [
    [wordsIn(about.centre.language)("helpCentre", { name: about.centre.name }), ""],
    [category.name, `${category.slug}/`],
    ...(article ? [[article.title, `${category.slug}/${article.slug}/`] as [string, string]] : []),
  ];
  return {
    "@type": "BreadcrumbList",
    itemListElement: places.map(([name, path], index) => ({
      "@type": "ListItem",
      position: index + 1,
      name,
      item: address(about, path),
    })),
  };
}
