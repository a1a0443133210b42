"""Where the values of an environment stand: in its stack file, and in the overlay on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app_of_apps.errors import Position
    from app_of_apps.manifest.positions import Loc, Positions

CONFIG_KEY: Final = "app-of-apps:environment"
IN_STACK_FILE: Final[Loc] = ("config", CONFIG_KEY)


@dataclass(frozen=True, slots=True)
class LayeredPositions:
    """Positions in a stack file and, for what is not in it, in the overlay."""

    stack: Positions
    overlay: Positions | None = None

    def at(self, loc: Loc) -> Position:
        """Return where the value of a path below the environment begins, such as ``("versions", "api")``."""
        positions, full = self._layer(loc)
        return positions.at(full)

    def key_at(self, loc: Loc) -> Position:
        """Return where the key of a path below the environment stands."""
        positions, full = self._layer(loc)
        return positions.key_at(full)

    def known(self, loc: Loc) -> int:
        """Return how many steps of a path exist in either file."""
        stack = self.stack.known((*IN_STACK_FILE, *loc)) - len(IN_STACK_FILE)
        return max(stack, self.overlay.known(loc) if self.overlay is not None else 0)

    def behind(self, loc: Loc) -> str:
        """Return what stands behind a value on its line."""
        positions, full = self._layer(loc)
        return positions.behind(full)

    def _layer(self, loc: Loc) -> tuple[Positions, Loc]:
        full = (*IN_STACK_FILE, *loc)
        if self.overlay is not None and self.overlay.known(loc) + len(IN_STACK_FILE) > self.stack.known(full):
            return self.overlay, loc
        return self.stack, full
