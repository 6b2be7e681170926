"""The live demo, `python -m labs demo`: ask, tell, tune and search across senses before an audience, in a browser.

`reply`, `story`, `training` and `senses` are what is done, with no page about it; `ask_tab`, `tell_tab`, `tune_tab` and
`senses_tab` are the four pages; `app` puts them together, and `serve` opens the door, to whom and to nobody else.
"""
