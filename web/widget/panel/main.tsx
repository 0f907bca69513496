/** The panel's first module: what the loader loads, and calls. */
import type { Language } from "@kit/i18n/words";
import { render } from "preact";
import type { Start } from "../frame";
import { dress } from "../loader/dress";
import { chatFor } from "./chat/chat";
import { Given } from "./context";
import css from "./panel.css?inline";
import { Panel } from "./views/panel";

export const start: Start = (frame) => {
  dress(frame.root, css);
  const chat = chatFor(frame);
  const language: Language = frame.options.language === "ar" ? "ar" : "en";
  const draw = (isOpen: boolean) =>
    render(
      <Given.Provider value={{ chat, language }}>
        <Panel isOpen={isOpen} close={frame.close} />
      </Given.Provider>,
      frame.place,
    );
  draw(false);
  if (frame.kept.get("talks")) void chat.wake();
  return { show: () => draw(true), hide: () => draw(false), renew: chat.renew };
};
