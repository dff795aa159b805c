#!/bin/sh
# Says plainly what a fresh machine lacks before anything is downloaded.
python="$1"
if ! command -v "$python" >/dev/null 2>&1; then
    echo "lampwell needs Python 3.11 or newer; '$python' was not found. On Debian: apt install python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "lampwell needs Python 3.11 or newer; '$python' is $("$python" -V 2>&1). Name another: make PYTHON=python3.12 setup" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "This Python cannot make virtual environments. On Debian: apt install python3-venv" >&2
    exit 1
fi
