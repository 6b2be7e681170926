"""python tests/serve_demo.py FOLDER [PASSWORD]

The demo with short trainings and few cases, until its standard input ends; prints its address, then its cache's folder.
A process of its own, as for users: there the libraries' warnings are no errors. FOLDER/times has when each training
began and ended, in seconds.
"""

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from labs.demo import lessons, senses, training
from labs.demo.serve import cache_folder, serving
from labs.systems.parts import bound


def put_senses(folder):
    """The senses as they are built, so that nobody has to wait until they have learned."""
    (folder / "senses").mkdir()
    for sense in senses.SENSES:
        weights = {name: one.contiguous() for name, one in bound.build(sense).state_dict().items()}
        senses.save_file(weights, senses.file_of(folder / "senses", sense))


@contextmanager
def server(folder, *password):
    """Address and cache of a demo in a process of its own; afterwards it must have ended, without an error of ours."""
    command = [sys.executable, __file__, str(folder), *password]
    errors = tempfile.TemporaryFile("w+")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        address, cache = process.stdout.readline().strip(), Path(process.stdout.readline().strip())
        try:
            yield address, cache
        finally:
            process.communicate("")
            errors.seek(0)
            said = errors.read()
            errors.close()
    # gradio itself now and then drops the iterator of a finished event twice, and says so in a traceback of its own
    assert process.returncode == 0 and not ("Traceback" in said and "/labs/" in said), said
    assert not cache.exists()


def note_times(file: Path) -> None:
    """Let every training write a line when it has ended."""
    run = training.Training.run

    def timed(self, base):
        start = time.monotonic()
        run(self, base)
        with file.open("a") as log:
            log.write(f"{start} {time.monotonic()}\n")

    training.Training.run = timed


if __name__ == "__main__":
    folder, *password = sys.argv[1:]
    lessons.THERMAL_COURSE = lessons.THERMAL_COURSE._replace(cases=12, steps=30, batch=2)
    lessons.COURSES["arithmetic"] = lessons.COURSES["arithmetic"]._replace(cases=12, steps=100_000, batch=2)  # to stop
    note_times(Path(folder, "times"))
    training.LIVE, training.LAST, training.EVERY, training.SAVED = 2, 3, 10, 5
    with serving(Path(folder), password=password[0] if password else None) as address:
        print(address, cache_folder(), sep="\n", flush=True)
        sys.stdin.read()
