"""The questions at the end of sections 1 to 4; `labs.teaching.quiz` asks them."""
