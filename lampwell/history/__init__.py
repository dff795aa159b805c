"""The history: every reading that was accepted, and the questions people ask of it."""
