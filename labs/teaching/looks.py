"""What every figure shares: one colour for each sense, all of different darkness, so that they can be told in grey."""

COLOURS = {
    "text": "#222222", "picture": "#1f5fa8", "video": "#5a9bd4", "sound": "#c8761a", "motion": "#2f7d4f",
    "depth": "#7a6a9c", "thermal": "#b3402a", "points": "#3f9d9b", "series": "#b79b2c",
}  # fmt: skip
CONTROL = "#999999"
