"""A page as PDF, by its print styles; WeasyPrint is an extra."""

from __future__ import annotations

import re

from pipelines.errors import SetupError

_SCRIPTS = re.compile(r"<script\b.*?</script>", re.DOTALL)


def pdf_bytes(html: str) -> bytes:
    """Return a page as PDF; nothing but data URIs is read.

    Raises
    ------
    SetupError
        If WeasyPrint, or a library that it needs, is not installed.
    """
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:
        lacks = str(error).splitlines()[0]
        msg = (
            f"--pdf needs WeasyPrint and Pango ({lacks}); install wsi-swarm[pdf] and the package pango, "
            "or open the page in a browser and print it to PDF"
        )
        raise SetupError(msg) from error
    # Scripts do nothing on paper; they hold the viewer's picture, which need not be parsed.
    fetcher = URLFetcher(allowed_protocols=["data"])
    return weasyprint.HTML(string=_SCRIPTS.sub("", html), url_fetcher=fetcher).write_pdf()
