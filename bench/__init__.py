"""Proofs of speed and of survival: `make bench` and `make faults`."""
