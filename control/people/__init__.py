"""People: who is on duty where, how they are reached, and who is told next when nobody answers."""
