"""Modbus on the wire: frames, the guard, and links over TCP, RTU over TCP and serial lines."""
