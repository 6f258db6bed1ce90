"""A few examples of each kind, collected while a stage runs, for the sheet it leaves behind."""

from pathlib import Path

import numpy as np

from facexpr.drawing import contact_sheet
from facexpr.images import encode_png


class Examples:
    """Keeps the first `each` images of every kind, so that memory does not grow with the data."""

    def __init__(self, each: int = 8):
        """Start empty."""
        self._each = each
        self._tiles: dict[str, list[np.ndarray]] = {}

    def wants(self, kind: str) -> bool:
        """Whether one more image of a kind would be kept."""
        return len(self._tiles.get(kind, [])) < self._each

    def add(self, kind: str, image: np.ndarray) -> None:
        """Keep the image if its kind still wants one."""
        if self.wants(kind):
            self._tiles.setdefault(kind, []).append(image)

    def save(self, path: Path, title: str) -> None:
        """Write the sheet, kind after kind."""
        pairs = [(kind, tile) for kind, tiles in self._tiles.items() for tile in tiles]
        sheet = contact_sheet([tile for _, tile in pairs], [kind for kind, _ in pairs], title=title)
        path.write_bytes(encode_png(sheet))
