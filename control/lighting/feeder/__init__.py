"""A recorded feeder and what it tells: one-minute power and voltage to nights, steps, losses and counts (docs/feeder.md).

Pure but for ``series_file``. The statistics of its steps and blocks also serve the live detectors in ``faults``.
"""
