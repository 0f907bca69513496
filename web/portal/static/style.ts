/** The static pages look as the portal's do: they are made of the same rules, under the names that these have there. */
import base from "@kit/ui/base.css?raw";
import tokens from "@kit/ui/tokens.css?raw";
import article from "../help/article.module.css?raw";
import help from "../help/help.module.css?raw";
import { brandTokens } from "../shell/brand";
import layout from "../shell/layout.module.css?raw";
import button from "../shell/link_button.module.css?raw";

export function styleSheet(brandColor: string | null): string {
  const brand = Object.entries(brandTokens(brandColor)).map(([name, value]) => `  ${name}: ${value};`);
  const own = `:root {\n  --page: 60rem;\n${brand.join("\n")}\n}\n.search input { padding-inline-start: var(--space-3); }\n`;
  return [tokens, base.replace(/@import[^;]+;/g, ""), layout, help, article, button, own].join("\n");
}
