"""How e-mail addresses are compared and shown in part."""

import unicodedata


def fold_email(address: str) -> str:
    """The form in which addresses are looked up: trimmed, NFC, no case. Mail goes to the stored one, not to this."""
    return unicodedata.normalize("NFC", address.strip()).casefold()


def same_address(one: str, other: str) -> bool:
    """Whether two stored addresses are one mailbox: letters' case aside, and that in ASCII alone.

    Looking up is generous and delivering is not: what is found for ``strasse@`` and ``straße@`` is two people's mail.
    """
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    return one == other


def masked(address: str) -> str:
    """An address that its owner recognises and nobody else learns: ``n…@coe.example``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if local else address
