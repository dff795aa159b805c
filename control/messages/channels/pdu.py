"""A text message as a modem takes it: SMS-SUBMIT units in UCS2, several where one is too short. Pure.

3GPP TS 23.040: 9.2.2.2 (SMS-SUBMIT), 9.1.2.5 (addresses), 9.2.3.12.1 (validity), 9.2.3.24.1 (concatenation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ONE, PART = 70, 67
"""UTF-16 units in a message of its own, and in a part of a longer one, whose header takes six octets."""
MAX_PARTS = 255
_SUBMIT, _WITH_HEADER = 0x11, 0x40  # SMS-SUBMIT with a relative validity period; user data begins with a header
_UCS2 = 0x08
_VALIDITY = 143
"""(143 + 1) x 5 minutes = 12 hours: an alarm that a phone gets days later does more harm than good."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """``text``: hexadecimal, as it is typed at the prompt; ``length``: octets without the service centre's, for AT+CMGS."""

    text: str
    length: int


def submit(number: str, text: str, reference: int) -> list[Pdu]:
    """The units of ``text`` for ``number`` (digits, + before a country code). Parts of one message share ``reference`` (its low
    octet); a repeat with the same one lets a phone put parts of both together. ValueError: no number, or more than 255 parts.
    """
    if not re.fullmatch(r"\+?[0-9]{3,20}", number):
        raise ValueError("not a phone number")
    if _units(text) <= ONE:
        return [_pdu(number, _SUBMIT, b"", text)]
    parts = list(_parts(text))
    if len(parts) > MAX_PARTS:
        raise ValueError(f"{len(parts)} parts, at most {MAX_PARTS}")
    headers = (bytes((5, 0, 3, reference & 0xFF, len(parts), n)) for n in range(1, len(parts) + 1))
    return [_pdu(number, _SUBMIT | _WITH_HEADER, header, part) for header, part in zip(headers, parts, strict=True)]


def _pdu(number: str, first: int, header: bytes, text: str) -> Pdu:
    data = header + _utf16(text)
    unit = bytes((first, 0)) + _address(number) + bytes((0, _UCS2, _VALIDITY, len(data))) + data
    return Pdu((b"\0" + unit).hex().upper(), len(unit))  # a service centre of length 0: the one on the SIM


def _address(number: str) -> bytes:
    digits = number.removeprefix("+")
    pairs = digits + "F" * (len(digits) % 2)
    swapped = "".join(pairs[n + 1] + pairs[n] for n in range(0, len(pairs), 2))
    return bytes((len(digits), 0x91 if number.startswith("+") else 0x81)) + bytes.fromhex(swapped)


def _parts(text: str) -> Iterator[str]:
    """At most 67 units each, never through a surrogate pair."""
    part, used = "", 0
    for character in text:
        width = _units(character)
        if used + width > PART:
            yield part
            part, used = "", 0
        part, used = part + character, used + width
    yield part


def _units(text: str) -> int:
    return len(_utf16(text)) // 2


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "replace")
