// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { foldQuotes } from "./fold";
import { cleanArticle, cleanMail } from "./sanitise";

const shown = (body: DocumentFragment) => {
  const place = document.createElement("div");
  place.append(body);
  return place.innerHTML;
};

const HOSTILE = [
  "<script>run()</script>",
  '<img src=x onerror="run()">',
  '<svg onload="run()"><script>run()</script><a xlink:href="javascript:run()"><text>x</text></a></svg>',
  "<math><mtext><table><mglyph><style><img src=x onerror=run()></style></mglyph></table></mtext></math>",
  '<a href="javascript:run()">x</a>',
  '<a href="java&#10;script:run()">x</a>',
  '<a href="data:text/html,<script>run()</script>">x</a>',
  '<a href="vbscript:run()">x</a>',
  '<form action="https://evil.example"><input name=q><button formaction="javascript:run()">x</button></form>',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '<base href="https://evil.example/">',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  "<style>@import url(https://evil.example/x.css); * { background: url(https://evil.example/x) }</style>",
  '<div style="background-image:url(https://evil.example/x)">x</div>',
  '<div style="background:u\\72l(https://evil.example/x)">x</div>',
  '<div style="position:fixed;inset:0;z-index:9999">x</div>',
  '<div style="margin-top:-500px;transform:scale(99)">x</div>',
  '<iframe src="https://evil.example"></iframe><object data="https://evil.example"></object><embed src="https://evil.example">',
  '<video src="https://evil.example/x" poster="https://evil.example/y"></video><audio src="https://evil.example/x"></audio>',
  '<img srcset="https://evil.example/x 2x" src="https://evil.example/x" background="https://evil.example/x">',
  '<table background="https://evil.example/x"><tr><td background="https://evil.example/x">x</td></tr></table>',
  '<input type=image src="https://evil.example/x">',
  '<noscript><p title="</noscript><img src=x onerror=run()>"></noscript>',
  '<template><img src=x onerror="run()"></template>',
];

describe("hostile mail", () => {
  it.each(HOSTILE)("neither runs nor loads nor covers: %s", (html) => {
    const { body } = cleanMail(html);
    const text = shown(body);
    expect(text).not.toMatch(
      /run\(|evil\.example|javascript|vbscript|position|transform|<(script|style|form|input|button|meta|base|link|iframe|object|embed|svg|math|video|audio|template)/i,
    );
  });

  it("counts remote pictures and loads them only when asked", () => {
    const html =
      '<img data-remote-src="https://cdn.example/a.png"><img src="//cdn.example/b.png"><img src="cid:logo@x">';
    const blocked = cleanMail(html, { pictures: new Map([["logo@x", "https://desk.example/logo"]]) });
    expect(blocked.remotePictures).toBe(2);
    expect(shown(blocked.body)).not.toContain("cdn.example");
    const allowed = shown(
      cleanMail(html, { remote: true, pictures: new Map([["logo@x", "https://desk.example/logo"]]) }).body,
    );
    expect(allowed).toContain('src="https://cdn.example/a.png"');
    expect(allowed).toContain('src="https://cdn.example/b.png"');
    expect(allowed).toContain('src="https://desk.example/logo"');
    expect(allowed).toContain('referrerpolicy="no-referrer"');
  });

  it("keeps what shows text, and opens links apart", () => {
    const text = shown(
      cleanMail(
        '<p style="color: red; margin-left: 4px">Hi <a href="https://a.example" title="https://b.example">there</a></p>',
      ).body,
    );
    expect(text).toContain("color: red");
    expect(text).toContain('target="_blank" rel="noopener noreferrer nofollow"');
    expect(text).not.toContain("b.example");
  });
});

describe("articles", () => {
  it("have no styles, scripts or names that hide the page's own", () => {
    const text = shown(
      cleanArticle(
        '<h2 id="cookie" style="position:fixed">T</h2><a href="javascript:run()">x</a><img src=x onerror=run()>',
      ),
    );
    expect(text).not.toMatch(/style|run\(|javascript|id="cookie"/);
  });
});

describe("quotes", () => {
  const fold = (html: string, fresh: string | null) => {
    const { body } = cleanMail(html);
    const folded = foldQuotes(body, fresh, "…");
    return { folded, html: shown(body) };
  };

  it("are cut where the new part ends", () => {
    const { folded, html } = fold(
      "<div>Thanks,<br>Ann</div><div><b>From:</b> Desk</div><p>Old</p>",
      "Thanks,\nAnn",
    );
    expect(folded).toBe(true);
    expect(html.split("<details>")[0]).toBe("<div>Thanks,<br>Ann</div>");
    expect(html).toContain("<summary>…</summary>");
    expect(html).toContain("Old");
  });

  it("are cut at a quotation that ends a mail", () => {
    const { html } = fold("<p>Yes</p><blockquote>Really?</blockquote><br>", null);
    expect(html).toMatch(/^<p>Yes<\/p><details>/);
  });

  it("stay where something is said below them", () => {
    expect(fold("<blockquote>Really?</blockquote><p>Yes</p>", "Yes").folded).toBe(false);
    expect(fold("<p>All of it</p>", "All of it").folded).toBe(false);
  });
});
