#!/bin/sh
# Renew the pinned requirements: hashes for every platform, no index addresses.
set -eu
command -v uv >/dev/null 2>&1 && uv=uv || { .venv/bin/python -m pip install --quiet uv; uv=.venv/bin/uv; }
export UV_CUSTOM_COMPILE_COMMAND="make pins"
pin() { # extra, further arguments
    extra="$1"; shift
    "$uv" pip compile --quiet pyproject.toml --extra "$extra" --python-version 3.11 --universal --generate-hashes \
        --no-emit-index-url --no-emit-find-links -o "requirements/$extra.txt" "$@"
}
pin onebox
pin test -c requirements/onebox.txt
pin gateway -c requirements/onebox.txt
