"""Files that are there whole or not at all, and told apart by their content."""

import hashlib
import json
from pathlib import Path


def write_json(file: Path, content: object) -> None:
    """Write the file whole or not at all, so that a full disk or an interruption does not cost an earlier one."""
    part = file.with_name(f"{file.name}.part")
    try:
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        part.write_text(text, encoding="utf-8", errors="replace")  # a typed question may hold half a character
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def checksum(file: Path) -> str:
    """SHA-256, read in blocks."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
