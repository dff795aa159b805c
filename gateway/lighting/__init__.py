"""What makes an edge node act by a lighting plan: orders, leases and locks, desired levels, and the writes that bring them about.

Cores are pure (``orders``, ``steady``, ``desired``, ``seen``, ``reconcile``, ``lux``, ``fallback``); ``store`` and ``driver`` do
I/O, ``service`` makes them one.
"""
