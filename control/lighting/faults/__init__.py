"""Faults of lamps, loops, cabinets and supply: one small pure detector for each row of domain streetlights 3.

All have one shape, ``observe(state, reading) -> (state, finding | None)``: a finding only when what is known has changed. True:
the fault is there; False: it is not; None: it cannot be told now (not armed, or an input is missing), which neither raises nor
clears.
"""
