"""Asks a model behind an interface that speaks `POST {base}/chat/completions`, as OpenAI's does and many others do:
one question, its pictures, a short answer. With the standard library alone.

The key comes from the environment. It goes to that one server, and is in no message and no file.
"""

import base64
import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from PIL import Image

from labs.errors import LabsError

BASE, KEY, MODEL = "LABS_CLOSED_BASE", "LABS_CLOSED_KEY", "LABS_CLOSED_MODEL"
HERE = ("localhost", "127.0.0.1", "::1")
FIRST, LONGEST = 1.0, 60.0  # seconds before the second try, doubled each time up to the longest


class ClosedError(LabsError):
    """The server cannot be asked, or what it says is no answer."""


@dataclass(frozen=True)
class Client:
    """`settings` go into every request; some models want others, such as {"max_completion_tokens": 500}."""

    base: str  # such as https://api.openai.com/v1
    model: str
    key: str = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0, "max_tokens": 32})
    seconds: float = 60.0  # for one try
    tries: int = 5
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        address = urllib.parse.urlsplit(self.base)
        safe = address.scheme == "https" or (address.scheme == "http" and address.hostname in HERE)
        if not safe or not address.hostname or "@" in address.netloc or " " in self.base:
            raise ClosedError(f"{BASE} must be an https:// address without a name in it, or http:// on this machine.")
        if not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise ClosedError(f"the key in {KEY} must be printable, without spaces.")
        if self.tries < 1:
            raise ValueError(f"tries must be 1 or more, not {self.tries}")

    def ask(self, question: str, *pictures: Image.Image) -> str:
        """What the model says. Raises ClosedError."""
        answer = self._post(json.dumps(self.request(question, *pictures)).encode())
        try:
            choice = json.loads(answer)["choices"][0]
            said, ended = choice["message"].get("content"), choice.get("finish_reason")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ClosedError(f"{self.host} sent no chat completion but {self._shown(answer)!r}.") from None
        if isinstance(said, list):  # some send it in parts
            said = "".join(part.get("text") or "" for part in said if isinstance(part, dict))
        if not said and ended == "length":
            raise ClosedError(f"{self.model} used up its tokens before it said a word: allow more in `settings`.")
        return str(said or "")  # nothing at all is a refusal, and so a wrong answer

    def request(self, question: str, *pictures: Image.Image) -> dict[str, Any]:
        """What is sent, the key aside."""
        shown = [{"type": "image_url", "image_url": {"url": data_url(picture)}} for picture in pictures]
        message = {"role": "user", "content": [{"type": "text", "text": question}, *shown]}
        return {"model": self.model, "messages": [message], **self.settings}

    @property
    def host(self) -> str:
        """Who is asked."""
        return urllib.parse.urlsplit(self.base).netloc

    def _post(self, body: bytes) -> bytes:
        for turn in range(self.tries):
            wanted = 0.0
            try:
                with urllib.request.urlopen(self._request(body), timeout=self.seconds) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 429 and error.code < 500:
                        raise self._refused(error) from None
                    said, wanted = str(error.code), _seconds(error.headers.get("Retry-After"))
            except (OSError, HTTPException) as error:  # no such host, refused, too slow, cut off
                said = str(getattr(error, "reason", "") or error or type(error).__name__)
            if turn + 1 < self.tries:
                self.pause(min(LONGEST, max(wanted, FIRST * 2**turn)))
        raise ClosedError(f"{self.host} gave no answer in {self.tries} tries ({said}).")

    def _request(self, body: bytes) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base.rstrip('/')}/chat/completions", body, headers)
        request.add_unredirected_header(
            "Authorization", f"Bearer {self.key}"
        )  # wherever the server sends us: not there
        return request

    def _refused(self, error: urllib.error.HTTPError) -> ClosedError:
        if error.code in (401, 403):  # what it says may repeat parts of the key
            return ClosedError(f"{self.host} refuses the key in {KEY} ({error.code}).")
        return ClosedError(f"{self.host} refuses the request ({error.code}): {self._shown(error.read(2000))}")

    def _shown(self, answer: bytes) -> str:
        text = answer.decode(errors="replace")
        return " ".join((text.replace(self.key, "***") if self.key else text).split())[:200]


def from_environment(environment: Mapping[str, str] = os.environ) -> Client:
    """The client that three variables describe. Raises ClosedError where one is missing."""
    if missing := [name for name in (BASE, KEY, MODEL) if not environment.get(name)]:
        raise ClosedError(f"asking a closed model needs {BASE}, {KEY} and {MODEL}: set {' and '.join(missing)}.")
    return Client(environment[BASE], environment[MODEL], environment[KEY])


def data_url(picture: Image.Image) -> str:
    """The picture itself as an address: a PNG, so that no edge is lost."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _seconds(wanted: str | None) -> float:
    try:
        return max(0.0, float(wanted or 0))
    except ValueError:  # a date, which some send
        return 0.0
