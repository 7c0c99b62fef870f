"""``wsi-swarm view``: a slide at full resolution in the browser of this computer."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.choices import LanguageName  # noqa: TC001 (typer reads it)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("view")(view)


def view(
    slide: Path = typer.Argument(..., metavar="SLIDE", help="The slide: a file, or the folder of a DICOM slide."),
    heatmap: Path | None = typer.Option(
        None, "--heatmap", help="Folder of this slide that heatmap wrote; its colours lie on the slide."
    ),
    language: LanguageName = typer.Option("en", "--language", help="Of the page."),
    slide_mpp: float | None = typer.Option(
        None, "--slide-mpp", help="Micrometres per pixel at full resolution, for a slide whose file doesn't say."
    ),
    port: int = typer.Option(0, "--port", min=0, max=65535, help="Port on this computer; 0 takes a free one."),
    open_browser: bool = typer.Option(False, "--open", help="Open the page in the browser, too."),
) -> None:
    """Show a slide, with its heatmap, in a browser on this computer; Ctrl-C ends it.

    Only this computer can reach the page, and only with the whole address that is printed.
    """
    import sys
    import webbrowser
    from contextlib import suppress

    from heatmaps.viewer.serve import viewer_server

    with viewer_server(slide, heatmap, language, slide_mpp, port) as server:
        print(server.url, flush=True)
        print("wsi-swarm: open this address in a browser here; Ctrl-C ends it", file=sys.stderr)
        if open_browser:
            webbrowser.open(server.url)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
