"""Keys of the demo's terminal, one at a time and without waiting; the terminal is as it was when the ``with`` block ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator

ARROWS = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down"}
WORDS = {b"\r": "enter", b"\n": "enter", b"\x1b": "escape"}


def key_of(pressed: bytes) -> str:
    """What a press means: ``up``, ``down``, ``enter``, ``escape``, or the character itself; "" for what means nothing here."""
    if pressed in ARROWS:
        return ARROWS[pressed]
    if pressed in WORDS:
        return WORDS[pressed]
    return pressed.decode("utf-8", "ignore").lower() if len(pressed) == 1 and pressed.isalpha() else ""


@contextlib.contextmanager
def pressed_keys(on_key: Callable[[str], None]) -> Iterator[None]:
    """Call ``on_key`` for every key while inside. Where there is no terminal to read from, there are no keys."""
    if not sys.stdin.isatty():
        yield
        return
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    loop = asyncio.get_running_loop()

    def ready() -> None:
        pressed = os.read(handle, 32)
        if not pressed:
            loop.remove_reader(handle)
        elif key := key_of(pressed):
            on_key(key)

    tty.setcbreak(handle)
    loop.add_reader(handle, ready)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
