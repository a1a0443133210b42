"""Find values that look like secrets, so that none passes through the program, its state, its logs or its diffs.

Two signs are enough: the form of a well-known token, or a name that says "password" with a value that could be one. A
value that only looks like it is let through by a comment on its line that gives the reason::

    SESSION_TOKEN: "4f9d2c81a7e35b06"  # aoa: not-a-secret the public identifier of the demo shop
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app_of_apps.manifest.findings import Findings
    from app_of_apps.manifest.positions import Loc

TOKENS: tuple[tuple[str, str], ...] = (
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})"),
    ("a GitLab token", r"\bgl(?:pat|dt|ptt|rt)-[A-Za-z0-9_-]{20,}"),
    (
        "a Slack token",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]{16,}",
    ),
    ("a private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    ("a Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    ("a Pulumi access token", r"\bpul-[0-9a-f]{40}\b"),
    ("a Stripe key", r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{40,}"),
    # Kubernetes replaces $(NAME) in a variable; a shell or a chart replaces ${NAME}. Neither is a literal password.
    ("an address with a password in it", r"\b[a-z][a-z0-9+.-]*://[^\s/:@?#]*:(?!\$[({][A-Za-z_]\w*[)}]@)[^\s/@]+@"),
)
"""What the message says → the form, as its issuer documents it."""
_ANY_TOKEN = re.compile("|".join(f"({pattern})" for _, pattern in TOKENS))
_ASSIGNED = re.compile(r"""([A-Za-z][A-Za-z0-9_.-]*)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)""")
_ALLOWED = re.compile(r"(?:^|\s)#\s*aoa: not-a-secret(?P<reason>\s+\S.*)?$")

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALWAYS_SECRET = frozenset({"password", "passwd", "pwd", "passphrase"})
_OFTEN_SECRET = frozenset({"secret", "token", "apikey", "credential", "credentials"})
_KEY_OF = frozenset({"api", "private", "access", "secret", "signing", "encryption", "auth"})
_HARMLESS = re.compile(
    r"|true|false|yes|no|on|off|none|null|enabled|disabled|optional|required"
    r"|\$[({][A-Za-z_]\w*[)}]|\{\{.*\}\}|[0-9]{1,5}[a-z]{0,2}|\.{0,2}/.*|[a-z][a-z0-9+.-]*://.*",
    re.IGNORECASE | re.DOTALL,
)
_LONG = 16
_SHORTEST_TOKEN = 10
_HIGH_ENTROPY = 3.0  # bits per character; text of the same length in English has about as many, hence the digits below


def check(findings: Findings, value: object, loc: Loc) -> None:
    """Note every text at or below a path that looks like a secret. No message repeats a value."""
    findings = findings.under("inline-secret")
    for at, name, text in texts(value, loc):
        what = resembles(name, text)
        if not what:
            continue
        allowed = _ALLOWED.search(findings.positions.behind(at))
        if allowed is None:
            hint = "keep it in Vault and refer to it under secrets; if it is none, say so: # aoa: not-a-secret <reason>"
            findings.at(at, f"the value looks like {what}", hint)
        elif not allowed["reason"]:
            findings.at(at, "`aoa: not-a-secret` needs a reason behind it", "say why the value is no secret")


def resembles(name: str, text: str) -> str:
    """Say what kind of secret a text of that name looks like, or nothing."""
    if len(text) > _SHORTEST_TOKEN:
        token = _ANY_TOKEN.search(text)
        if token and token.lastindex:
            return TOKENS[token.lastindex - 1][0]
    says = _says(name)
    if not says or _HARMLESS.fullmatch(text):
        return ""
    if says == "always":
        return "a password: its name says so"
    return "a secret: its name says so and it looks random" if _is_random(text) else ""


def without_secrets(text: str) -> str:
    """Return a text of others without what looks like a secret in it: known tokens, values that a name gives away."""

    def assigned(found: re.Match[str]) -> str:
        name, sign, value = found.groups()
        return f"{name}{sign}[hidden]" if resembles(name, value.strip("\"'")) else found[0]

    return _ASSIGNED.sub(assigned, _ANY_TOKEN.sub(lambda found: f"[{TOKENS[(found.lastindex or 1) - 1][0]}]", text))


@functools.lru_cache(maxsize=4096)  # a manifest has many values and few names
def _says(name: str) -> Literal["always", "often", ""]:
    """Say whether what has that name is a secret always, often, or no more than anything else."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words:
        return ""
    if words[-1] in _ALWAYS_SECRET:
        return "always"
    is_key = words[-1] == "key" and len(words) > 1 and words[-2] in _KEY_OF
    return "often" if is_key or words[-1] in _OFTEN_SECRET else ""


def _is_random(text: str) -> bool:
    """Say whether a text could be a generated secret: long, mixed, and not the name of something."""
    if len(text) < _LONG or any(character.isspace() for character in text):
        return False
    has_digit = any(character.isdigit() for character in text)
    has_letter = any(character.isalpha() for character in text)
    if not (has_digit and has_letter) or all(_is_word(part) for part in re.split(r"[-_./]", text)):
        return False
    counts = Counter(text)
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    return entropy >= _HIGH_ENTROPY


def _is_word(part: str) -> bool:
    longest_word, longest_number, longest_mixed = 15, 4, 3
    if part.isalpha():
        return len(part) <= longest_word and part.islower()
    return len(part) <= (longest_number if part.isdigit() else longest_mixed)


def texts(value: object, loc: Loc) -> Iterator[tuple[Loc, str, str]]:
    """Walk over every text: its path, the name of the nearest key, the text."""
    stack: list[tuple[Any, Loc]] = [(value, loc)]
    while stack:
        current, at = stack.pop()
        if isinstance(current, str):
            # An entry of a Kubernetes env list carries its name beside its value.
            yield at, next((step for step in reversed(at) if isinstance(step, str)), ""), current
        elif isinstance(current, dict):
            named = current.get("name")
            if isinstance(named, str) and isinstance(current.get("value"), str):
                yield (*at, "value"), named, current["value"]
                current = {key: below for key, below in current.items() if key != "value"}
            stack.extend((below, (*at, key)) for key, below in current.items())
        elif isinstance(current, list):
            stack.extend((below, (*at, index)) for index, below in enumerate(current))
