"""Pictures that stand in the page itself."""

from __future__ import annotations

import base64


def data_uri(data: bytes, kind: str) -> str:
    """Return a picture of ``image/<kind>`` as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
