"""A processor that does not process a picture again which it has just seen."""

import copy
from collections import OrderedDict
from typing import Any


def remembering(processor: Any, kept: int = 32) -> Any:
    """The processor with a memory for the last `kept` pictures, or lists of them; the one given stays as it is."""
    results: OrderedDict[str, tuple] = OrderedDict()
    own = type(processor.image_processor)

    def call(self: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        key = repr((_identity(images), args, sorted(kwargs.items())))
        if key not in results:
            # the pictures are kept beside the result, so that as long as it lasts their identities are theirs alone
            results[key] = images, own.__call__(self, images, *args, **kwargs)
            if len(results) > kept:
                results.popitem(last=False)
        return copy.copy(results[key][1])  # processors take entries out of it

    copied = copy.copy(processor)
    copied.image_processor = copy.copy(processor.image_processor)
    copied.image_processor.__class__ = type(own.__name__, (own,), {"__call__": call, "__module__": own.__module__})
    return copied


def _identity(images: Any) -> Any:
    return [_identity(image) for image in images] if isinstance(images, (list, tuple)) else id(images)
