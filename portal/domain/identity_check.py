"""How somebody's identity was checked before a temporary password is given in person; without it nothing is issued."""

from dataclasses import dataclass

METHODS = ("known", "photo_id", "video", "other")
"""Known to whoever gives it, a photo ID seen, a video call, or something else, which the reference names."""
LONGEST_REFERENCE = 100


@dataclass(frozen=True)
class IdentityCheck:
    """The method, and what refers to it."""

    method: str
    reference: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether it says enough: a method, and for another method than the known ones what it was."""
        if self.method not in METHODS or len(self.reference) > LONGEST_REFERENCE:
            return False
        return self.method != "other" or bool(self.reference.strip())
