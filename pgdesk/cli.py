"""`pgdesk`: the command line that the Makefile calls too."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import psycopg
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.local.process import StackError
from infra.local.stack import ask_to_stop
from pgdesk.environment import load_dotenv, own_settings, stack_settings

app = typer.Typer(
    help="An AI support desk and CRM that lives in Postgres. Start with `pgdesk demo`; `pgdesk up` starts it empty.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
mail_app = typer.Typer(help="Mail, as a provider would bring it.", no_args_is_help=True)
jobs_app = typer.Typer(help="Dead letters: see them, give them another life.", no_args_is_help=True)
app.add_typer(mail_app, name="mail")
app.add_typer(jobs_app, name="jobs")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
out = Console()


@app.command()
def up(
    empty: Annotated[bool, typer.Option(help="Do not make the demo's organization.")] = False,
    pages: Annotated[bool, typer.Option(help="Build and serve the web interface.")] = True,
) -> None:
    """Start the stack with its web interface and keep it running until Ctrl-C.

    A new one has the demo's organization, to look around in. STACK=supabase and SUPABASE_URL choose another platform.
    """
    from pgdesk import elsewhere
    from pgdesk.up import build_stack, with_web
    from pgdesk.web import WebError

    if elsewhere.chosen() == "supabase":
        with out.status("supabase start"):
            elsewhere.start(own_settings())
    settings = stack_settings()
    if pages:
        try:
            with out.status("building the web interface (once)"):
                settings = with_web(settings)
        except WebError as error:
            out.print(f"without its web interface: {first_line(error)}", markup=False)

    def ready() -> None:
        show_addresses(settings)
        if elsewhere.chosen() == "embedded" and not empty:
            show_demo_logins(settings)
        out.print("Ctrl-C stops it.")

    build_stack(settings).run(ready)
    out.print("stopped")


@app.command("web")
def web_pages(
    to: Annotated[Path | None, typer.Option(help="Copy the pages to this folder, ready to be served.")] = None,
    url: Annotated[str, typer.Option(help="The Supabase project they are for; this machine's if left out.")] = "",
    key: Annotated[str, typer.Option(help="Its publishable key.")] = "",
) -> None:
    """Build inbox, portal and widget into web/dist. With --to: for a host of static pages, with its headers."""
    from pgdesk import web

    with out.status("building the web interface"):
        built = web.build()
    out.print("built web/dist" if built else "web/dist is up to date")
    if to:
        settings = stack_settings()
        web.furnish(to.resolve(), url or settings.platform_url, key or settings.keys.publishable_key)
        out.print(f"copied to {to}")


@app.command("help-centre")
def help_centre(
    organization: Annotated[str, typer.Option(help="The organization's slug.")],
    to: Annotated[Path, typer.Option(help="The folder that the pages go to, each organization's in one of its own.")],
    site: Annotated[str, typer.Option(help="Where that folder will be served from; this machine if left out.")] = "",
    portal: Annotated[str, typer.Option(help="Where the portal is; this machine's if left out.")] = "",
    url: Annotated[str, typer.Option(help="The Supabase project; this machine's if left out.")] = "",
    key: Annotated[str, typer.Option(help="Its publishable key.")] = "",
) -> None:
    """Write a help centre as pages that any host serves: the published articles, readable without a script."""
    from pgdesk import web

    settings = stack_settings()
    try:
        with out.status("writing the help centre"):
            told = web.help_centre(
                organization, to, site or settings.pages_url, portal or f"{settings.pages_url}/portal",
                url or settings.platform_url, key or settings.keys.publishable_key,
            )  # fmt: skip
    except web.WebError as error:
        fail(str(error))
    out.print(told, markup=False)


@app.command()
def down() -> None:
    """Stop the stack that runs over this data folder."""
    from pgdesk import elsewhere

    out.print("stopped" if ask_to_stop(own_settings().data) else "no stack is running")
    if elsewhere.chosen() == "supabase":
        elsewhere.stop(own_settings())


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop the stack and delete its data: database, files, mailbox."""
    from pgdesk.reset import reset as delete

    settings = own_settings()
    if not yes and settings.data.exists():
        typer.confirm(f"Delete everything in {settings.data}?", abort=True)
    delete(settings)
    out.print("deleted")


@app.command()
def demo(
    mailbox: Annotated[
        Path | None,
        typer.Option(help="Folder of .eml/.box/.txt messages, or an mbox file. The bundled one if it is left out."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write one record per message to this file.")] = None,
    keep: Annotated[bool, typer.Option(help="Leave the stack running afterwards.")] = False,
) -> None:
    """Replay a mailbox through the whole desk and show what became of every message."""
    from pgdesk.demo import run

    raise typer.Exit(run(stack_settings(), mailbox, json_file, keep=keep, console=out))


@mail_app.command("send")
def mail_send(
    file: Annotated[Path, typer.Argument(help="A raw RFC 822 message; - for standard input.")],
    rcpt: Annotated[
        list[str] | None, typer.Option(help="Envelope recipient; the demo's support address if left out.")
    ] = None,
) -> None:
    """Hand a message to the running desk, as a mail provider would."""
    from pgdesk.mail import send

    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    out.print_json(json.dumps(send(stack_settings(), body, rcpt)))


@mail_app.command("reconcile")
def mail_reconcile(
    provider: Annotated[
        list[str] | None, typer.Option(help="resend, mailgun or ses; all that are configured if left out.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back: 30m, 24h, 3d.")] = "24h",
    as_json: Json = False,
) -> None:
    """Compare what providers received with what is here, and bring what is missing."""
    from pgdesk.reconcile import reconcile

    found = reconcile(stack_settings(), provider or [], since)
    if as_json:
        out.print_json(json.dumps(found))
    elif found:
        print_table(found)
    else:
        out.print("mail comes in by no provider: docs/mail.md says how it would")


@app.command()
def status(as_json: Json = False) -> None:
    """What runs, where, and how queue, mail and model stand. The same figures as GET /functions/v1/health."""
    from pgdesk.status import QUEUE, report

    found = report(stack_settings())
    if as_json:
        out.print_json(json.dumps(found, default=str))
    elif not found["running"]:
        out.print("no stack is running: start one with `make up`")
    else:
        show_addresses(stack_settings())
        print_table([{name: row[name] for name in QUEUE} for row in found["queue"]])
        for part in ("mail", "model"):
            out.print(f"{part}: " + ", ".join(f"{name} {value}" for name, value in found[part].items()))
    raise typer.Exit(0 if found["running"] else 1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Is everything there that pgdesk needs? Says what to do where it is not."""
    from pgdesk.doctor import examine

    findings = examine(stack_settings())
    if as_json:
        out.print_json(json.dumps([finding.__dict__ for finding in findings]))
    else:
        marks = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "error": "[red]error[/]"}
        table = Table(box=None, show_header=False)
        for finding in findings:
            table.add_row(marks[finding.level], finding.what, finding.says)
        out.print(table)
    raise typer.Exit(1 if any(finding.level == "error" for finding in findings) else 0)


@jobs_app.command("dead")
def jobs_dead(as_json: Json = False) -> None:
    """List the jobs that gave up, with their errors."""
    from pgdesk.status import dead_jobs

    found = dead_jobs(stack_settings())
    if as_json:
        out.print_json(json.dumps(found, default=str))
    elif found:
        print_table(found)
    else:
        out.print("no dead jobs")


@jobs_app.command("retry")
def jobs_retry(ids: Annotated[list[str] | None, typer.Argument(help="Job ids; all dead jobs if none.")] = None) -> None:
    """Give dead jobs another life, with fresh attempts."""
    from pgdesk.status import retry_dead_jobs

    out.print(f"{retry_dead_jobs(stack_settings(), ids or [])} job(s) wait again")


@app.command()
def migration(name: Annotated[str, typer.Argument(help="What it does, as_words_like_this.")]) -> None:
    """Draft the next migration: what sql/ and policies/ declare beyond supabase/migrations/."""
    from pgdesk.migration import draft

    written = draft(name)
    out.print(f"drafted {written}: read it before you commit it" if written else "nothing has changed")


@app.command()
def openapi() -> None:
    """Print the OpenAPI description of the functions' routes."""
    from pgdesk.openapi import document

    sys.stdout.write(json.dumps(document(), indent=2) + "\n")


@app.command()
def docs() -> None:
    """Bring the documents up to date that are made from the schema and from the routes of the functions."""
    from pgdesk.documents import bring_up_to_date

    changed = bring_up_to_date()
    out.print(f"written: {', '.join(changed)}" if changed else "nothing has changed")


@app.command()
def package() -> None:
    """Build what is deployed to AWS into build/package: code, model layer, template."""
    from pgdesk.package import CODE, LAYER, TEMPLATE, build

    built = build()
    table = Table(box=None, show_header=False)
    for name, size in ((CODE, built.code), (LAYER, built.layer)):
        table.add_row(name, f"{size.packed / 1e6:.1f} MB", f"{size.unpacked / 1e6:.1f} MB unpacked")
    table.add_row(TEMPLATE, "", f"{built.unpacked / 1e6:.1f} MB unpacked in all; Lambda takes 250")
    out.print(f"built {built.folder}")
    out.print(table)


def show_addresses(settings: Any) -> None:
    table = Table(box=None, show_header=False)
    if settings.pages:
        table.add_row("Inbox", f"{settings.pages_url}/inbox/")
        table.add_row("Portal", f"{settings.pages_url}/portal/")
    table.add_row("API", settings.platform_url)
    table.add_row("Database", settings.database_url("postgres"))
    table.add_row("Mailbox", f"http://{settings.host}:{settings.mail_port}")
    table.add_row("Inbound mail", f"{settings.api_url}/functions/v1/inbound/mime")
    out.print(table)


def show_demo_logins(settings: Any) -> None:
    """Make the demo's organization, unless there is one of any name, and say who can sign in to it."""
    from pgdesk.seed import DEMO, any_organization, seed

    if any_organization(settings, besides=json.loads((DEMO / "organization.json").read_text())["slug"]):
        return
    desk = seed(settings)
    out.print(f"Sign in as [bold]{desk.login}[/], password [bold]{desk.password}[/]", highlight=False)


def print_table(rows: list[dict[str, Any]]) -> None:
    table = Table(header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(table)


def main() -> None:
    """Run the command line; what can go wrong for a user's reasons is one line."""
    load_dotenv()
    try:
        app(prog_name="pgdesk")
    except psycopg.OperationalError as error:
        fail(f"the database does not answer ({first_line(error)}): start the stack with `make up`")
    except (StackError, ValueError, OSError, RuntimeError) as error:
        fail(first_line(error))


def fail(words: str) -> NoReturn:
    """One line, however long it is and whatever stands in it."""
    Console(stderr=True).print(f"[red]pgdesk:[/] {escape(words)}", soft_wrap=True)
    sys.exit(1)


def first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return said[0] if said else repr(error)


if __name__ == "__main__":
    main()
