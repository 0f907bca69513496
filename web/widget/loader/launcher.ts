/** The button in the corner, with the number of answers that have not been seen. */
import { type Language, translate } from "@kit/i18n/words";
import { words } from "./words";

export type Launcher = {
  button: HTMLButtonElement;
  open: (is: boolean) => void;
  busy: (is: boolean) => void;
  unread: (count: number) => void;
  failed: () => void;
};

const SVG = "http://www.w3.org/2000/svg";

export function launcherFor(language: Language, ground: HTMLElement): Launcher {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "launcher";
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.ariaHidden = "true";
  badge.hidden = true;
  const said = document.createElement("span");
  said.className = "unseen";
  said.role = "status";
  button.append(
    drawing("bubble", "M20.5 12a8 8 0 0 1-11.8 7L4 20.2l1.3-4.4A8 8 0 1 1 20.5 12Z"),
    drawing("cross", "M6 6l12 12M18 6 6 18"),
    badge,
  );
  ground.append(button, said);

  let count = 0;
  let isOpen = false;
  const name = () => {
    const label = translate(words, language, isOpen ? "close" : "open");
    const more = count && !isOpen ? `, ${translate(words, language, "unread", { count })}` : "";
    button.setAttribute("aria-label", label + more);
  };
  name();
  return {
    button,
    open: (is) => {
      isOpen = is;
      button.setAttribute("aria-expanded", String(is));
      name();
    },
    busy: (is) => {
      button.ariaBusy = is ? "true" : null;
    },
    unread: (now) => {
      if (now > count) said.textContent = translate(words, language, "unread", { count: now });
      count = now;
      badge.textContent = now > 99 ? "99+" : new Intl.NumberFormat(language).format(now);
      badge.hidden = now === 0;
      name();
    },
    failed: () => {
      said.textContent = translate(words, language, "failed");
      button.title = said.textContent;
    },
  };
}

function drawing(name: string, line: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", name);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = "true";
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", line);
  svg.append(path);
  return svg;
}
