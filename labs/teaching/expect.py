"""What should hold of trained weights."""

from labs.models.catalog import profile


def expect(holds: bool, what: str) -> None:
    """Behaviour that the bundled models are known for must hold, and raises AssertionError where it does not.

    Of other models, which may be anything, it is only said. Identities and controls are for `assert`.
    """
    if not holds:
        assert profile() != "mini", what
        print(f"not with these models: {what}")
