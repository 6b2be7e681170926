"""The demo within a notebook: served beside it until the kernel ends, and shown in a frame below the cell."""

import atexit
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from IPython.display import IFrame, display

from labs.demo.serve import serving
from labs.preflight import machine

HEIGHT = 900  # pixels
_open = ExitStack()
atexit.register(_open.close)


def show_demo(folder: Path, profile: str = "mini") -> str:
    """Start the demo, or start it anew, show it, and return its address. Runs lie in `folder`."""
    _open.close()
    address = _open.enter_context(serving(Path(folder), profile))
    if machine.place() == "colab":
        from google.colab import output  # there is one nowhere else

        output.serve_kernel_port_as_iframe(urlsplit(address).port, height=HEIGHT)
    else:
        display(IFrame(address, "100%", HEIGHT))
    return address
