"""The parts of a vision-language model, told apart by the names of its modules."""

PARTS = ("language", "projector", "vision")
# What the library's models call their modules. The projector first: some keep it inside the vision tower.
NAMES = {
    "projector": (
        "multi_modal_projector", "connector", "merger", "language_projection", "qformer", "projector",
        "perceiver_resampler",
    ),
    "vision": ("vision_tower", "vision_model", "visual", "image_tower", "video_tower", "audio_tower"),  # and ears
}  # fmt: skip


def part_of(module: str) -> str:
    """The part that a module or parameter belongs to, by its full name; what is not for pictures is language."""
    names = module.split(".")
    return next((part for part, known in NAMES.items() if any(name in known for name in names)), "language")
