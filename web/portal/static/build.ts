/**
 * Writes the published articles of an organization as pages that need neither a server of ours nor a script:
 *
 *     node build.js <slug> <folder> <site> <portal> <url> <publishable key>
 *
 * `site` is where the folder will be served from, `portal` where tickets are written. Reads what the public may read.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Client } from "@kit/api/client";
import type { Database } from "@kit/api/database";
import { ok } from "@kit/api/errors";
import { PostgrestClient } from "@supabase/postgrest-js";
import { readArticle, readCatalog } from "../help/catalog";
import { articlePage, categoryPage, homePage, icon, type Site, sitemap } from "./pages";
import { styleSheet } from "./style";

/** A folder with this in it is ours to replace. */
const MARK = ".help-centre";

async function build(
  slug: string,
  folder: string,
  site: string,
  portal: string,
  url: string,
  key: string,
): Promise<string> {
  const rest = new PostgrestClient<Database>(`${url}/rest/v1`, { headers: { apikey: key } });
  const client = rest as unknown as Client;
  const [centre] = await ok(client.rpc("help_centre", { slug }));
  if (!centre) throw new Error(`there is no help centre "${slug}" at ${url}`);
  const catalog = await readCatalog(client, centre.id);
  const about: Site = {
    centre,
    catalog,
    site: site.replace(/\/+$/, ""),
    portal: portal.replace(/\/+$/, ""),
  };
  const files = new Map<string, string>([
    ["style.css", styleSheet(centre.brand_color)],
    ["index.html", homePage(about)],
    ["icon.svg", icon(centre)],
    ["sitemap.xml", sitemap(about)],
    [MARK, ""],
  ]);
  const shelves = [...catalog.categories, { slug: "articles", name: "", id: "", articles: catalog.loose }];
  let written = 0;
  for (const shelf of shelves) {
    if (shelf.id) files.set(`${shelf.slug}/index.html`, categoryPage(about, shelf));
    for (const entry of shelf.articles) {
      const article = await readArticle(client, centre.id, entry.slug);
      // Taken back while this was running.
      if (!article) continue;
      files.set(
        `${shelf.slug}/${entry.slug}/index.html`,
        articlePage(about, shelf.id ? shelf : null, article),
      );
      written += 1;
    }
  }
  const own = join(folder, slug);
  if (existsSync(own) && readdirSync(own).length > 0 && !existsSync(join(own, MARK)))
    throw new Error(`${own} holds something else: choose another folder`);
  rmSync(own, { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(own, path)), { recursive: true });
    writeFileSync(join(own, path), text);
  }
  return `${written} articles in ${own}`;
}

const [slug = "", folder = "", site = "", portal = "", url = "", key = ""] = process.argv.slice(2);
try {
  process.stdout.write(`${await build(slug, folder, site, portal, url, key)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
