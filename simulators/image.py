"""A device's registers: a profile and a plant make the answers its electronics would give to a master's requests.

Values are encoded only when a window is read, and then once per world tick, so serving costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lampwell.points import Value
from lampwell.profiles.encoding import decoder, encoder
from lampwell.profiles.model import Profile, Register, Space, Window, WireType, WriteLimits
from lampwell.profiles.wire_order import words_of
from simulators.frames import exception
from simulators.port import Plant

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
MOST = {Space.COIL: 2000, Space.DISCRETE: 2000, Space.HOLDING: 125, Space.INPUT: 125}
_READS = {1: Space.COIL, 2: Space.DISCRETE, 3: Space.HOLDING, 4: Space.INPUT}


class _Refused(Exception):
    """The device says no with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """One register of the profile: its place in units of its space, and how to turn values into bytes and back."""

    register: Register
    first: int
    count: int
    encode: Callable[[Value | None], bytes]
    decode: Callable[[bytes], Value | None]

    def touches(self, first: int, count: int) -> bool:
        return self.first < first + count and first < self.first + self.count

    def contains(self, first: int, count: int) -> bool:
        return self.first <= first and first + count <= self.first + self.count


class Image:
    """One unit as it answers on the wire. ``touch()`` says that the plant may have new values."""

    def __init__(self, profile: Profile, plant: Plant) -> None:
        self._plant = plant
        self._tick = 0
        self._moment: tuple[int, Mapping[str, Value | None]] = (-1, {})
        slots = [_slot(register) for register in profile.registers]
        self._writable = {
            space: [s for s in slots if s.register.space is space and s.register.write is not None] for space in Space
        }
        self._windows = {space: [_Content(w, slots) for w in profile.windows if w.space is space] for space in Space}

    def touch(self) -> None:
        """Forget the encoded values: the world has moved on."""
        self._tick += 1

    def answer(self, pdu: bytes) -> bytes:
        """The response PDU for a request PDU, exceptions included; never raises for any bytes a master sends."""
        function = pdu[0] if pdu else 0
        try:
            if function in _READS:
                return self._read(_READS[function], pdu)
            if function in (5, 6):
                return self._write_one(pdu)
            if function in (15, 16):
                return self._write_many(pdu)
        except _Refused as refused:
            return exception(function, refused.code)
        return exception(function, ILLEGAL_FUNCTION)

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, space: Space, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise _Refused(ILLEGAL_VALUE)
        first, count = pdu[1] << 8 | pdu[2], pdu[3] << 8 | pdu[4]
        if not 1 <= count <= MOST[space]:
            raise _Refused(ILLEGAL_VALUE)
        content = self._content(space, first, count)
        content.refresh(self._values(), self._tick)
        data = content.bytes_of(first, count)
        return bytes((pdu[0], len(data))) + data

    def _values(self) -> Mapping[str, Value | None]:
        """The plant's values, asked for once per tick: all windows show one moment; what counts "since read" is read once."""
        if self._moment[0] != self._tick:
            self._moment = (self._tick, self._plant.values)
        return self._moment[1]

    def _content(self, space: Space, first: int, count: int) -> _Content:
        for content in self._windows[space]:
            most = content.window.max_count
            if most is not None and count > most and content.has(first, 1):
                raise _Refused(ILLEGAL_VALUE)
            if content.has(first, count):
                return content
        raise _Refused(ILLEGAL_ADDRESS)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _write_one(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise _Refused(ILLEGAL_VALUE)
        space = Space.COIL if pdu[0] == 5 else Space.HOLDING
        data = pdu[3:5]
        if space is Space.COIL:
            if data not in (b"\xff\x00", b"\x00\x00"):
                raise _Refused(ILLEGAL_VALUE)
            data = bytes((data[0] & 1,))
        self._write(space, pdu[1] << 8 | pdu[2], 1, data)
        return pdu

    def _write_many(self, pdu: bytes) -> bytes:
        space = Space.COIL if pdu[0] == 15 else Space.HOLDING
        if len(pdu) < 6:
            raise _Refused(ILLEGAL_VALUE)
        first, count, body = pdu[1] << 8 | pdu[2], pdu[3] << 8 | pdu[4], pdu[6:]
        size, most = ((count + 7) // 8, 1968) if space is Space.COIL else (2 * count, 123)
        if not 1 <= count <= most or pdu[5] != size or len(body) != size:
            raise _Refused(ILLEGAL_VALUE)
        data = bytes(body[i >> 3] >> (i & 7) & 1 for i in range(count)) if space is Space.COIL else body
        self._write(space, first, count, data)
        return pdu[:5]

    def _write(self, space: Space, first: int, count: int, data: bytes) -> None:
        """All of it or nothing: every address must belong to a writable point, every value be inside its limits."""
        step = 1 if space.is_bits else 2
        values: list[tuple[str, Value]] = []
        written: set[int] = set()
        for slot in self._writable[space]:
            if not slot.touches(first, count):
                continue
            at = slot.first - first
            if at < 0 or at + slot.count > count:
                raise _Refused(ILLEGAL_VALUE)  # half of a point
            values.append((slot.register.point.path, _checked(slot, data[step * at : step * (at + slot.count)])))
            written.update(range(slot.first, slot.first + slot.count))
        if len(written) != count:
            raise _Refused(ILLEGAL_ADDRESS)
        self._apply(values)

    def _apply(self, values: Sequence[tuple[str, Value]]) -> None:
        self.touch()
        try:
            for path, value in values:
                self._plant.write(path, value)
        except ValueError as error:
            raise _Refused(ILLEGAL_VALUE) from error


class _Content:
    """One readable window with its encoded content: two bytes a word, one byte (0 or 1) a bit."""

    def __init__(self, window: Window, slots: Iterable[_Slot]) -> None:
        self.window = window
        self._step = 1 if window.space.is_bits else 2
        self._slots = [s for s in slots if s.register.space is window.space and _inside(s, window)]
        self._values: list[Value | None] = []
        self._pieces: list[bytes | None] = []
        self._data = bytearray((window.last - window.first + 1) * self._step)
        self._tick = -1

    def has(self, first: int, count: int) -> bool:
        """Whether one request may ask for this: inside the window, and inside one point where nothing is bridged."""
        if first < self.window.first or first + count - 1 > self.window.last:
            return False
        return self.window.bridge or any(slot.contains(first, count) for slot in self._slots)

    def refresh(self, values: Mapping[str, Value | None], tick: int) -> None:
        """Encode what changed since the last tick."""
        if self._tick == tick:
            return
        self._tick = tick
        now = [values.get(slot.register.point.path) for slot in self._slots]
        if now == self._values and self._pieces:
            return
        old: Sequence[Value | None] = self._values or [None] * len(now)
        pieces = self._pieces or [b""] * len(now)
        self._pieces = [
            piece if new == was and piece != b"" else _piece(slot, new)
            for slot, new, was, piece in zip(self._slots, now, old, pieces, strict=True)
        ]
        self._values = now
        self._lay()

    def _lay(self) -> None:
        data, step, origin = self._data, self._step, self.window.first
        data[:] = bytes(len(data))
        for slot, piece in zip(self._slots, self._pieces, strict=True):
            at = (slot.first - origin) * step
            if piece is None:
                continue
            if slot.register.encoding.type is WireType.BITS:  # several points share this word
                data[at] |= piece[0]
                data[at + 1] |= piece[1]
            else:
                data[at : at + len(piece)] = piece

    def bytes_of(self, first: int, count: int) -> bytes:
        """The answer's data bytes; exception 4 where a point in it can not be said at all."""
        if None in self._pieces and any(
            p is None and s.touches(first, count) for s, p in zip(self._slots, self._pieces, strict=True)
        ):
            raise _Refused(DEVICE_FAILURE)
        at = (first - self.window.first) * self._step
        data = self._data[at : at + count * self._step]
        return _packed(data) if self._step == 1 else bytes(data)


def _slot(register: Register) -> _Slot:
    encode, decode = encoder(register.encoding), decoder(register.encoding)
    if register.space.is_bits:
        pulse = register.write is not None and register.write.pulse
        return _Slot(register, register.address, 1, _bit_of_pulse if pulse else _bit, decode)
    return _Slot(register, register.address, words_of(register.encoding), encode, decode)


def _inside(slot: _Slot, window: Window) -> bool:
    return window.first <= slot.first and slot.first + slot.count - 1 <= window.last


def _bit(value: Value | None) -> bytes:
    if value is None:
        raise ValueError("a bit has no pattern for 'not available'")
    return b"\1" if value else b"\0"


def _bit_of_pulse(value: Value | None) -> bytes:
    return b"\1" if value else b"\0"  # a pulse coil that nobody speaks of has fallen back


def _piece(slot: _Slot, value: Value | None) -> bytes | None:
    """A value as bytes; "not available" where it does not fit; None where the device has no way to say even that."""
    for attempt in (value, None):
        try:
            return slot.encode(attempt)
        except ValueError:
            continue
    return None


def _checked(slot: _Slot, data: bytes) -> Value:
    """The value a master wrote, or exception 3 where it is none or outside the profile's limits."""
    value = slot.decode(data)
    limits = slot.register.write or WriteLimits()
    if value is None:
        raise _Refused(ILLEGAL_VALUE)
    if not isinstance(value, str) and (
        (limits.low is not None and value < limits.low) or (limits.high is not None and value > limits.high)
    ):
        raise _Refused(ILLEGAL_VALUE)
    return value


def _packed(bits: bytearray) -> bytes:
    packed = bytearray((len(bits) + 7) // 8)
    for i, bit in enumerate(bits):
        packed[i >> 3] |= bit << (i & 7)
    return bytes(packed)
