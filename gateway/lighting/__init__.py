"""What makes an edge node act by a lighting plan: orders, leases and locks, desired levels, and the writes that bring them about.

All but ``store``, ``book``, ``driver`` and ``service`` is pure. docs/architecture.md, "How lamps are lit", says how it works.
"""
