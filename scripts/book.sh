#!/usr/bin/env bash
# Builds the site for reading at home: outputs/book/index.html, which opens from the disk and asks no host for anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" scripts/book.py "$@"
