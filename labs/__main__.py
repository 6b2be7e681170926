"""python -m labs"""

from labs.cli.app import app

app(prog_name="python -m labs")
