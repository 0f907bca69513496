/** The widget's own ground on a foreign page: neither's styles reach the other's. */
import tokens from "@kit/ui/tokens.css?inline";
import { dress } from "./dress";

export type Ground = { host: HTMLElement; root: ShadowRoot; ground: HTMLElement };

export function layGround(theme: string, direction: string): Ground {
  const host = document.createElement("pgdesk-widget");
  const root = host.attachShadow({ mode: "open" });
  dress(root, tokens);
  const ground = document.createElement("div");
  ground.className = "ground";
  ground.dir = direction;
  if (theme !== "auto") ground.dataset.theme = theme;
  root.append(ground);
  return { host, root, ground };
}
