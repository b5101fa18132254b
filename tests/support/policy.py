"""A small judge of Content Security Policies: what a script that got into a page could still do under one.

It knows what CSP Evaluator calls severe, and is stricter: nothing may come from anywhere else.
"""

FETCHES = ("script-src", "style-src", "img-src", "connect-src", "font-src", "media-src", "frame-src", "object-src")
CLOSED = ("object-src", "base-uri", "frame-ancestors")
OWN = {"'self'", "'none'"}
DATA_MAY_BE = {"img-src"}


def directives(policy: str) -> dict[str, list[str]]:
    """The policy's directives; of two with one name the first counts, as in browsers."""
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        words = part.split()
        if words:
            found.setdefault(words[0].lower(), words[1:])
    return found


def holes(policy: str) -> list[str]:
    """What is open in a policy, a line each."""
    said = directives(policy)
    open_ones = []
    if not said.get("default-src"):
        open_ones.append("no default-src")
    for name in FETCHES:
        sources = said.get(name, said.get("default-src", ["*"]))
        allowed = OWN | ({"data:"} if name in DATA_MAY_BE else set())
        open_ones += [f"{name} allows {source}" for source in sources if source.lower() not in allowed]
    for name, value in said.items():
        if "'unsafe" in " ".join(value).lower():
            open_ones.append(f"{name} has something unsafe")
    open_ones += [f"{name} is not 'none'" for name in CLOSED if said.get(name) != ["'none'"]]
    if said.get("form-action") not in (["'self'"], ["'none'"]):
        open_ones.append("form-action is not 'self'")
    return open_ones
