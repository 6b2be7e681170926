"""The exercises of the worksheets, one file each: the task, the reference, two hints, what must hold, usual mistakes.

`labs.teaching.examine` says what such a file holds; `labs.teaching.exercise` is what a worksheet imports.
"""
