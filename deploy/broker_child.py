"""The embedded broker's own process. It ends with its parent: it exits when its standard input closes.

Run as a script with the path of a rumqttd TOML file; not meant for people (``deploy.broker`` starts it).
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until killed or until the parent is gone."""
    from iotcore.iotcore import IotCoreBroker

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us in its own order
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it reports every packet as an error
    threading.Thread(target=_end_with_parent, daemon=True).start()
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
