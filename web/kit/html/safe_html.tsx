/** An article's HTML in the page. The only ways for HTML that is not ours into a page are here and in mail_frame.tsx. */
import { useLayoutEffect, useRef } from "react";
import { cleanArticle } from "./sanitise";

export function SafeHtml({ html, className }: { html: string; className?: string | undefined }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    place.current?.replaceChildren(cleanArticle(html));
  }, [html]);
  return <div ref={place} className={className} />;
}
