"""A device profile: which registers make which points, and what of it may be read at once or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lampwell.points import Point


class Space(StrEnum):
    """The four Modbus tables; the function code that reads each is 1, 2, 3, 4."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def is_bits(self) -> bool:
        """True where one address holds one bit, not one 16-bit word."""
        return self in (Space.COIL, Space.DISCRETE)


class WireType(StrEnum):
    """What the registers hold."""

    BOOL = "bool"  # a coil or discrete input
    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    BITS = "bits"  # one bit, or a field of bits, of a 16-bit word: ``bit`` and ``width``
    TEXT = "text"  # ``words`` registers, two characters each
    BCD_TIME = "bcd-time"  # BCD yy mm dd hh mm ss in three words, local time; value is ISO text


class Order(StrEnum):
    """The order of the bytes A (highest) to D on the wire; for 64 bits the same pattern, word-wise."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a value lies in its registers. value = raw * scale + offset; a raw value in ``sentinels`` means "not available".

    ``scale`` 1 and ``offset`` 0 keep integers whole. NaN and infinities are always "not available".
    """

    type: WireType
    order: Order = Order.ABCD
    words: int = 1
    bit: int = 0
    width: int = 1
    scale: float = 1.0
    offset: float = 0.0
    sentinels: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """A write is refused outside these; ``None`` = no bound. ``pulse`` marks a coil that falls back by itself."""

    low: float | None = None
    high: float | None = None
    pulse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A point and where it lives: ``address`` is 0-based, as on the wire."""

    point: Point
    space: Space
    address: int
    encoding: Encoding
    write: WriteLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A readable range of a space, ``first`` to ``last`` inclusive. ``bridge`` allows one request over gaps inside it;
    without it only touching registers of one point are read together. ``max_count`` is the device's own limit per request.
    """

    space: Space
    first: int
    last: int
    bridge: bool = True
    max_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A device type as data, already expanded for one device (repeats such as loops unrolled).

    ``source`` says where the map comes from and whether it was verified. ``workarounds`` names each quirk with its reason.
    """

    id: str
    zh: str
    en: str
    source: str
    registers: tuple[Register, ...]
    windows: tuple[Window, ...]
    workarounds: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = field(init=False, repr=False, compare=False)
    """The points in register order: the columns of this device's scans."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(register.point for register in self.registers))
