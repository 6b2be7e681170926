#!/usr/bin/env bash
# Cuts a deck of slides from each notebook's tagged sections: outputs/slides/*.html, which open from the disk.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" scripts/slides.py "$@"
