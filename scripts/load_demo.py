"""python scripts/load_demo.py            (by default 40 visitors with 3 questions each)

Start the demo, let so many visitors ask at once, and report how long answers took (p50, p95, the longest), how many
were lost, and how many belonged to somebody else: each visitor has a picture and questions of their own, and the
answers that come back must be to these.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import numpy as np
from bench import machine
from gradio_client import Client
from gradio_client.exceptions import AppError

ROOT = Path(__file__).resolve().parents[1]
CARD = ROOT / "data" / "demo_load.json"
BOUND = 20.0  # seconds that p95 may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3, help="times that everybody asks, all at once")
    parser.add_argument("--keep", action="store_true", help=f"write {CARD.relative_to(ROOT)}")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, demo(folder) as address:
        wait_for_senses(address)
        found = load(address, arguments.visitors, arguments.rounds)
    result = report(found) | {"visitors": arguments.visitors, "rounds": arguments.rounds, "machine": machine()}
    print(json.dumps(result, indent=1))
    if arguments.keep:
        CARD.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(int(result["lost"] + result["crossed"] > 0 or result["p95"] > BOUND))


@contextmanager
def demo(folder: str) -> Iterator[str]:
    """The address of a demo in a process of its own, as for users."""
    command = [sys.executable, "-m", "labs", "demo", "--no-browser"]
    environment = os.environ | {"LABS_RUNS": folder, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split(" at ")[1].split()[0]
        finally:
            process.terminate()


def wait_for_senses(address: str) -> None:
    """They learn for two minutes the first time, on one of the cores; a demo is prepared the day before."""
    client = Client(address, verbose=False)
    while True:
        try:
            client.predict("a red star", api_name="/senses")
            return
        except AppError:
            time.sleep(5)


def load(address: str, visitors: int, rounds: int) -> list[tuple[float, str]]:
    """Seconds, and "" or what was wrong, of every asking."""
    barrier = Barrier(visitors)
    with ThreadPoolExecutor(visitors) as pool:
        each = pool.map(lambda number: visit(address, number, rounds, barrier), range(visitors))
        return [one for several in each for one in several]


def visit(address: str, number: int, rounds: int, barrier: Barrier) -> list[tuple[float, str]]:
    """One visitor draws a picture, takes the suggested questions and asks, together with everybody else."""
    client, found = Client(address, verbose=False), []
    for _ in range(rounds):
        client.predict(api_name="/draw")
        questions = client.predict(api_name="/suggest")
        barrier.wait()
        start = time.perf_counter()
        try:
            told = client.predict(questions, api_name="/ask")
            wrong = "" if all(one in told for one in questions.splitlines()) else "crossed"
        except Exception as error:
            wrong = f"lost: {error}"
        found.append((time.perf_counter() - start, wrong))
    return found


def report(found: list[tuple[float, str]]) -> dict[str, float]:
    """p50, p95 and longest in seconds; how many were lost or crossed."""
    seconds = [took for took, _ in found]
    wrongs = [wrong for _, wrong in found]
    return {
        "askings": len(found),
        "p50": round(float(np.percentile(seconds, 50)), 1),
        "p95": round(float(np.percentile(seconds, 95)), 1),
        "longest": round(max(seconds), 1),
        "lost": sum(wrong.startswith("lost") for wrong in wrongs),
        "crossed": wrongs.count("crossed"),
    }


if __name__ == "__main__":
    main()
