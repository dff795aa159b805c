"""Streaming quality tests on one point's samples: pure, one sample at a time, clocks passed in.

``make_judge(point)`` compiles the tests that are switched on; the judge then says for each sample why it is not simply good.
Nothing is ever dropped or corrected here: a sample keeps its value and gets flags.
"""

from lampwell.quality.judge import Judge, make_judge
from lampwell.quality.motion import WINDOW_MS, Motion
from lampwell.quality.stillness import Stillness

__all__ = ["WINDOW_MS", "Judge", "Motion", "Stillness", "make_judge"]
