"""Lighting in control: what recorded power says of a feeder, and how faults are found. Pure; times are arguments."""
