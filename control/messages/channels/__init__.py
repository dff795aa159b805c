"""The channels: one module for each way to reach people. Whoever only reads settings imports none of their libraries.

``texts`` and ``vendors`` are light; ``opening`` imports a vendor's module when a county uses that vendor.
"""
