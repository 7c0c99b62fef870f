"""What each part of a slide is: the classes of a class map, their names in counts and their colours in pictures."""

from __future__ import annotations

from enum import IntEnum


class Area(IntEnum):
    """What a pixel of a class map shows."""

    BACKGROUND = 0
    TISSUE = 1
    HOLE = 2
    DEBRIS = 3
    GREEN_PEN = 4
    RED_PEN = 5
    BLUE_PEN = 6
    BLACK_PEN = 7
    BORDER = 8
    BLUR = 9
    UNREADABLE = 10
    EXCLUDED = 11

    @property
    def label(self) -> str:
        """The name that counts and pictures carry, such as "green pen"."""
        return self.name.lower().replace("_", " ")


COLOURS: dict[Area, tuple[int, int, int]] = {
    Area.BACKGROUND: (150, 150, 150),
    Area.TISSUE: (0, 170, 0),
    Area.HOLE: (255, 160, 0),
    Area.DEBRIS: (120, 80, 40),
    Area.GREEN_PEN: (0, 150, 130),
    Area.RED_PEN: (220, 0, 0),
    Area.BLUE_PEN: (0, 60, 220),
    Area.BLACK_PEN: (20, 20, 20),
    Area.BORDER: (80, 80, 110),
    Area.BLUR: (230, 0, 200),
    Area.UNREADABLE: (255, 230, 0),
    Area.EXCLUDED: (130, 0, 130),
}
PENS = (Area.GREEN_PEN, Area.RED_PEN, Area.BLUE_PEN, Area.BLACK_PEN)
SWITCHES: dict[str, tuple[Area, ...]] = {
    "pen": PENS,
    "blur": (Area.BLUR,),
    "debris": (Area.DEBRIS,),
    "hole": (Area.HOLE,),
}
"""What ``--keep`` can name, and the classes that are then not looked for."""
