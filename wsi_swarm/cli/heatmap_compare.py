"""``wsi-swarm heatmap compare``."""


def compare() -> None:
    """Compare."""
