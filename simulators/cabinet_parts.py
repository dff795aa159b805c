"""Parts of a lamp control cabinet: a contactor, the contacts of its housing."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Contactor:
    """Main contacts and their auxiliary feedback; both follow the coil unless something is wrong."""

    closed: bool = False
    welded: bool = False
    dead: bool = False
    operations: int = 0

    def follow(self, coil: bool) -> None:
        """Move with the coil, if it can."""
        want = (coil and not self.dead) or (self.closed and self.welded)
        self.operations += want != self.closed
        self.closed = want


@dataclass
class Housing:
    """Contacts of the cabinet itself. ``cables``: loops whose cable sensor tells; ``unmeasured``: those whose meter does not."""

    door: bool = False
    water: bool = False
    spd_failed: bool = False
    smoke: bool = False
    cables: set[int] = field(default_factory=set)
    unmeasured: set[int] = field(default_factory=set)
