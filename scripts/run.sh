#!/usr/bin/env bash
# Makes .venv where needed, then runs the tour. All the work is in bootstrap.py; this only finds a Python to start it.
for python in python3 python3.13 python3.12 python3.11 python; do
  "$python" -c "f''" 2>/dev/null && exec "$python" "$(dirname "${BASH_SOURCE[0]}")/bootstrap.py" run "$@"
done
echo "No Python found: install Python 3.11, 3.12 or 3.13 and run this again." >&2; exit 2
