"""A field for the fault runs: Modbus TCP units whose registers move with every poll, in a process of its own.

Register a of unit u holds (tenths of a second + 31 u + a) modulo 50,000: every scan reports every point, and no two scans of
a unit are alike, so a scan that is lost, doubled or mixed up cannot hide behind an equal one.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time

LARGEST = 125


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
            if protocol or function not in (3, 4) or not 1 <= count <= LARGEST:
                break
            tick = int(time.time() * 10) + 31 * unit
            words = [(tick + a) % 50_000 for a in range(address, address + count)]
            body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *words)
            writer.write(struct.pack(">HHH", transaction, 0, len(body)) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Serve the ports given as arguments until killed."""
    servers = [await asyncio.start_server(_serve, "127.0.0.1", int(port)) for port in sys.argv[1:]]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
