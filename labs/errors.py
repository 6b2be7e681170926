"""What the labs refuse, said in one sentence."""


class LabsError(Exception):
    """What is wrong, where, and what to do about it, in one sentence. The command line prints it and ends with 2."""
