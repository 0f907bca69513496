/** The pages of the settings: where each stands, who may use it, and where its code is. A page is loaded when somebody
 *  goes there. To add one: a line here, its name in words.ts, and a folder with `page.tsx` that exports `Page`. */
import type { ComponentType } from "react";
import type { Role } from "../shell/organization";
import type { SettingsWord } from "./words";

export const GROUPS = [
  "account",
  "desk",
  "people",
  "channels",
  "flow",
  "writing",
  "ai",
  "developers",
  "trust",
] as const;

export type SettingsPage = {
  /** The end of its address: /inbox/<slug>/settings/<path>. */
  path: string;
  group: (typeof GROUPS)[number];
  word: SettingsWord;
  /** The least role that can do something there; nobody below is shown it. */
  from?: Role;
  load: () => Promise<{ Page: ComponentType }>;
};

export const SETTINGS_PAGES: SettingsPage[] = [
  { path: "profile", group: "account", word: "profile", load: () => import("./profile/page") },
  {
    path: "availability",
    group: "account",
    word: "availability",
    from: "agent",
    load: () => import("./availability/page"),
  },
  { path: "security", group: "account", word: "security", load: () => import("./security/page") },
  {
    path: "notifications",
    group: "account",
    word: "notifications",
    load: () => import("./notifications/page"),
  },
  { path: "appearance", group: "account", word: "appearance", load: () => import("./appearance/page") },
  {
    path: "organization",
    group: "desk",
    word: "organization",
    from: "admin",
    load: () => import("./organization/page"),
  },
  { path: "members", group: "people", word: "members", from: "admin", load: () => import("./members/page") },
  { path: "teams", group: "people", word: "teams", from: "manager", load: () => import("./teams/page") },
  { path: "skills", group: "people", word: "skills", from: "manager", load: () => import("./skills/page") },
  {
    path: "addresses",
    group: "channels",
    word: "addresses",
    from: "admin",
    load: () => import("./addresses/page"),
  },
  { path: "routing", group: "flow", word: "routing", from: "manager", load: () => import("./routing/page") },
  { path: "sla", group: "flow", word: "sla", from: "manager", load: () => import("./sla/page") },
  { path: "hours", group: "flow", word: "hours", from: "manager", load: () => import("./hours/page") },
  {
    path: "categories",
    group: "flow",
    word: "categories",
    from: "manager",
    load: () => import("./categories/page"),
  },
  { path: "statuses", group: "flow", word: "statuses", from: "admin", load: () => import("./statuses/page") },
  { path: "tags", group: "flow", word: "tags", from: "agent", load: () => import("./tags/page") },
  { path: "canned", group: "writing", word: "canned", from: "agent", load: () => import("./canned/page") },
  { path: "macros", group: "writing", word: "macros", from: "manager", load: () => import("./macros/page") },
  { path: "forms", group: "writing", word: "forms", from: "manager", load: () => import("./forms/page") },
  { path: "fields", group: "flow", word: "fields", from: "manager", load: () => import("./fields/page") },
  {
    path: "widgets",
    group: "channels",
    word: "widgets",
    from: "admin",
    load: () => import("./widgets/page"),
  },
  {
    path: "article-categories",
    group: "writing",
    word: "articleCategories",
    from: "manager",
    load: () => import("./article_categories/page"),
  },
  {
    path: "webhooks",
    group: "developers",
    word: "webhooks",
    from: "admin",
    load: () => import("./webhooks/page"),
  },
  {
    path: "api-keys",
    group: "developers",
    word: "apiKeys",
    from: "admin",
    load: () => import("./api_keys/page"),
  },
  { path: "audit", group: "trust", word: "audit", from: "admin", load: () => import("./audit/page") },
  {
    path: "dead-letters",
    group: "trust",
    word: "deadLetters",
    from: "admin",
    load: () => import("./dead_letters/page"),
  },
  { path: "usage", group: "trust", word: "usage", from: "manager", load: () => import("./usage/page") },
  { path: "ai", group: "ai", word: "ai", from: "manager", load: () => import("./ai/page") },
];
