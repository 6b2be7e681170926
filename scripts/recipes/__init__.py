"""How each mini checkpoint is made: one file a recipe. The blind twin is made for comparison and not shipped."""

RECIPES = {
    "dual_encoder": "dual",
    "language": "language",
    "generative": "generative",
    "multimodal": "multimodal",
}
