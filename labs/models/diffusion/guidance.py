"""Guidance: go farther the way that a condition points, past where the denoiser would go by itself.

One condition: Ho and Salimans, 2022, https://arxiv.org/abs/2207.12598, in the form that Stable Diffusion uses, where a
scale of 1 is the denoiser as it is. Two conditions: InstructPix2Pix, equation 3 (Brooks et al., 2022,
https://arxiv.org/abs/2211.09800). What is guided may be the noise or the picture: in one mixture, each is linear in the
other. A guided picture is kept within its range afterwards (Saharia et al., 2022, https://arxiv.org/abs/2205.11487).
Held to the library's pipeline by a test.
"""

from jaxtyping import Float
from torch import Tensor


def guide(without: Float[Tensor, "*shape"], given: Float[Tensor, "*shape"], scale: float) -> Float[Tensor, "*shape"]:
    """From what is said without the text towards, and past, what is said with it."""
    return without + scale * (given - without)


def guide_two(
    neither: Float[Tensor, "*shape"], shown: Float[Tensor, "*shape"], both: Float[Tensor, "*shape"],
    picture_scale: float, text_scale: float,
) -> Float[Tensor, "*shape"]:  # fmt: skip
    """s_I goes from nothing given to the picture alone, s_T from the picture alone to picture and instruction.

    neither --- s_I ---> shown --- s_T ---> both
    """
    return neither + picture_scale * (shown - neither) + text_scale * (both - shown)
