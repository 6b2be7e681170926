"""A story from several pictures, one sentence for each of them."""

from collections.abc import Sequence

from PIL import Image

from labs.models.catalog import Loaded
from labs.models.chat import answer
from labs.models.messages import ConversationError


def tell(loaded: Loaded, pictures: Sequence[Image.Image]) -> list[str]:
    """The story of the pictures in their order, a sentence each; what they show, from a model that reads only one."""
    try:
        return sentences(answer(loaded, pictures, loaded.entry.story), len(pictures))
    except ConversationError:  # five captions: what visual storytelling is not
        return [answer(loaded, [picture], "What is in the picture?") for picture in pictures]


def sentences(text: str, count: int) -> list[str]:
    """The first `count` sentences of a story, filled up with empty ones; the last takes what is left over."""
    parts = [part.strip() + "." for part in text.split(".") if part.strip()]
    parts = parts[: count - 1] + [" ".join(parts[count - 1 :])]
    return parts + [""] * (count - len(parts))
