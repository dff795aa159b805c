"""Lighting in control: plans and their roll-out, orders to edge nodes; what recorded power says of a feeder; faults, and how they
are found.
"""
