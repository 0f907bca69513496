/**
 * Markdown as elements of the panel. It never becomes HTML: what an article says is text, and the elements are those that
 * stand here. HTML in it is shown as the text that it is.
 */
import { lexer, type Token, type Tokens } from "marked";
import { type ComponentChildren, Fragment, h } from "preact";

export function Markdown({ text }: { text: string }) {
  return <>{drawn(lexer(text))}</>;
}

/** Parts of one text: they never change places, so none needs a key. */
const several = (parts: ComponentChildren[]) => h(Fragment, null, ...parts);
const drawn = (tokens: Token[] | undefined) => several((tokens ?? []).map(draw));

function draw(token: Token): ComponentChildren {
  switch (token.type) {
    case "heading":
      // The title of the article is the first heading.
      return (token as Tokens.Heading).depth <= 2 ? (
        <h2>{drawn(token.tokens)}</h2>
      ) : (
        <h3>{drawn(token.tokens)}</h3>
      );
    case "paragraph":
      return <p>{drawn(token.tokens)}</p>;
    case "list": {
      const { ordered, start, items } = token as Tokens.List;
      const list = several(items.map((each) => h("li", null, drawn(each.tokens))));
      return ordered ? <ol start={Number(start) || 1}>{list}</ol> : <ul>{list}</ul>;
    }
    case "blockquote":
      return <blockquote>{drawn(token.tokens)}</blockquote>;
    case "code":
      return (
        <pre>
          <code>{token.text}</code>
        </pre>
      );
    case "codespan":
      return <code>{token.text}</code>;
    case "strong":
      return <strong>{drawn(token.tokens)}</strong>;
    case "em":
      return <em>{drawn(token.tokens)}</em>;
    case "del":
      return <s>{drawn(token.tokens)}</s>;
    case "link":
      return <Link href={token.href}>{drawn(token.tokens)}</Link>;
    case "image":
      return isWeb(token.href) ? (
        <img src={token.href} alt={token.text} loading="lazy" referrerpolicy="no-referrer" />
      ) : (
        token.text
      );
    case "table":
      return <Table table={token as Tokens.Table} />;
    case "hr":
      return <hr />;
    case "br":
      return <br />;
    case "space":
    case "def":
      return null;
    default:
      return "tokens" in token && token.tokens
        ? drawn(token.tokens)
        : "text" in token
          ? token.text
          : token.raw;
  }
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    <div class="wide">
      <table>
        <thead>
          <tr>{several(table.header.map((cell) => h("th", { scope: "col" }, drawn(cell.tokens))))}</tr>
        </thead>
        <tbody>
          {several(
            table.rows.map((row) => h("tr", null, ...row.map((cell) => h("td", null, drawn(cell.tokens))))),
          )}
        </tbody>
      </table>
    </div>
  );
}

function Link({ href, children }: { href: string; children: ComponentChildren }) {
  if (!isWeb(href) && !/^(mailto|tel):/i.test(href)) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

const isWeb = (href: string) => /^https?:\/\//i.test(href);
