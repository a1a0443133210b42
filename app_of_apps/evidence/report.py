"""The page in a bundle that people read: what was done, by whom, with whose consent, and for which controls it counts.

One HTML document that needs nothing else: no script, no font, no picture, no request to anywhere, which a content
security policy in it also tells the browser. It follows from the statement and the records alone, so that whoever
verifies a bundle can make the page again and compare. All times are UTC.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from app_of_apps.evidence.attempts import NOTED, OPEN, attempts, runner
from app_of_apps.evidence.controls import CONTROLS, Trait, evidence_of, traits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from app_of_apps.evidence.attempts import Approver, Attempt
    from app_of_apps.evidence.bundle import Statement
    from app_of_apps.evidence.controls import Control
    from app_of_apps.evidence.record import Record

# Control characters and those that change the direction of text: a name must not rearrange what stands beside it.
_DISTURBING: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_DIGITS: Final = 12
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #1a1a1a; }
h3 { margin: 1.75rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border: 1px solid #767676; }
th, td, dd { overflow-wrap: anywhere; }
thead { display: table-header-group; }
thead th { background: #eee; }
tr, article { break-inside: avoid; }
dl { display: grid; grid-template-columns: 11rem 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { font-weight: 600; }
dd { margin: 0; }
code { font: .9em ui-monospace, monospace; }
a { color: #0b4f9e; }
.bad, .good { padding-left: .75rem; border-left: .4rem solid #1d6b1d; }
.bad { border-color: #a40000; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
@media (max-width: 45rem) {
  dl { grid-template-columns: 1fr; }
  table { display: block; overflow-x: auto; }
}
@media print {
  body { font-size: 10pt; max-width: none; margin: 0; }
  a { color: inherit; text-decoration: none; }
  .skip { display: none; }
}
"""


def report(about: Statement, records: Sequence[Record]) -> str:
    """Return the page for the records of a bundle."""
    found = attempts(records)
    title = f"Evidence of releases: {about.parent} in {about.environment}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">To the content</a>',
        f"<header><h1>{_text(title)}</h1></header>",
        '<main id="main">',
        *_scope(about, records),
        *_summary(found),
        *_exceptions(found),
        *_controls(records),
        *_table(found),
        *_details(found),
        *_checking(about),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _scope(about: Statement, records: Sequence[Record]) -> Iterator[str]:
    yield '<section aria-labelledby="scope"><h2 id="scope">What this covers</h2>'
    asked = f"{about.asked.since or 'the first record'} to {about.asked.until or 'the export'}"
    span = about.range
    rows = [
        ("Environment", f"{about.environment} of {about.parent}"),
        ("Asked for", asked),
        ("Records", f"{span.count}: number {span.first} to {span.last}" if span else "none in this time"),
        ("Time of the records", f"{_time(records[0].time)} to {_time(records[-1].time)}" if records else ""),
        ("Hash of the last record here", span.hash if span else ""),
        ("Newest record of the chain", _end(about.head.sequence, about.head.hash) if about.head else "none"),
        (
            "Anchor outside of the cluster",
            _end(about.anchor.sequence, about.anchor.hash) if about.anchor else "not read",
        ),
        ("Exported", f"{_time(about.made)} by App of Apps {about.program}"),
    ]
    yield _list(rows)
    if about.findings:
        yield '<div class="bad"><p><strong>The chain was not whole when it was exported:</strong></p><ul>'
        yield from (f"<li>{_text(each)}</li>" for each in about.findings)
        yield "</ul></div>"
    else:
        yield (
            '<p class="good">When this was exported, every record of the chain was signed with the environment\'s key '
            "and named the hash of the record before it.</p>"
        )
    yield from (f"<p>{_text(each)}</p>" for each in about.notes)
    yield (
        "<p>This page is for reading. The proof is in the records beside it, which "
        "<code>aoa evidence verify</code> checks without a network; it also makes this page again and compares.</p>"
        "</section>"
    )


def _summary(found: Sequence[Attempt]) -> Iterator[str]:
    results = Counter(each.result for each in found)
    opened = [each for each in found if each.opening.kind != "note"]
    yield '<section aria-labelledby="summary"><h2 id="summary">Summary</h2>'
    yield "<table><caption>Attempts by result</caption><thead><tr>"
    yield '<th scope="col">Result</th><th scope="col">Attempts</th></tr></thead><tbody>'
    yield from (
        f'<tr><th scope="row">{_text(name)}</th><td>{count}</td></tr>' for name, count in sorted(results.items())
    )
    yield "</tbody></table>"
    approved = sum(bool(each.approvers) for each in opened)
    yield _list(
        [
            ("Attempts", str(len(opened))),
            ("With approvals", str(approved)),
            ("With break-glass", str(sum(each.break_glass is not None for each in opened))),
            ("Rollbacks", str(sum(each.opening.rollback_of is not None for each in opened))),
        ]
    )
    yield "</section>"


def _exceptions(found: Sequence[Attempt]) -> Iterator[str]:
    """What an auditor looks at first."""
    rows = [(each, why) for each in found for why in _remarkable(each)]
    yield '<section aria-labelledby="exceptions"><h2 id="exceptions">To look at first</h2>'
    if not rows:
        yield "<p>Nothing here was refused, failed, was left open, or went around a rule.</p></section>"
        return
    yield "<table><caption>Exceptions, refusals and failures</caption><thead><tr>"
    yield '<th scope="col">Attempt</th><th scope="col">When</th><th scope="col">Why it stands here</th>'
    yield "</tr></thead><tbody>"
    for each, why in rows:
        yield f'<tr><th scope="row">{_link(each)}</th><td>{_time(each.opening.time)}</td><td>{_text(why)}</td></tr>'
    yield "</tbody></table></section>"


def _remarkable(each: Attempt) -> Iterator[str]:
    glass = each.break_glass
    if glass is not None:
        yield f"break-glass by {glass.name}: {glass.reason}"
    for override in each.opening.overrides:
        yield f"rule set aside ({override.what}): {override.reason}"
    if not all(one.proven for one in each.approvers):
        yield "an approval is not signed with the key in the record"
    elif each.approvers and Trait.SEPARATED not in traits(each.opening):
        yield "an approver is, by name, also an author or the one who ran it"
    if each.result == OPEN:
        yield "no end is on record"
    elif each.result not in {"succeeded", NOTED}:
        yield f"{each.result}: {each.reason}" if each.reason else each.result


def _controls(records: Sequence[Record]) -> Iterator[str]:
    by_control: dict[str, dict[Trait, list[int]]] = {each.name: {} for each in CONTROLS}
    for record in records:
        for evidence in evidence_of(record):
            for trait in evidence.traits:
                by_control[evidence.control.name].setdefault(trait, []).append(record.sequence)
    yield '<section aria-labelledby="controls"><h2 id="controls">Controls</h2>'
    yield (
        "<p>For each control, what these records show and what they do not. Whether a control is fulfilled is not "
        "theirs to say.</p>"
    )
    for control in CONTROLS:
        yield from _control(control, by_control[control.name])
    yield "</section>"


def _control(control: Control, shown: dict[Trait, list[int]]) -> Iterator[str]:
    yield f"<h3>{_text(control.name)}: {_text(control.title)}</h3>"
    if shown:
        yield f"<table><caption>Evidence for {_text(control.name)}</caption><thead><tr>"
        yield '<th scope="col">What it shows</th><th scope="col">Records</th></tr></thead><tbody>'
        for trait, words in control.shows.items():
            if trait in shown:
                yield f'<tr><th scope="row">{_text(words)}</th><td>{_text(_ranges(shown[trait]))}</td></tr>'
        yield "</tbody></table>"
    else:
        yield "<p>No record of this range gives evidence for it.</p>"
    yield f"<p>Not shown here: {_text(control.elsewhere)}</p>"


def _table(found: Sequence[Attempt]) -> Iterator[str]:
    yield '<section aria-labelledby="attempts"><h2 id="attempts">All attempts</h2>'
    yield "<table><caption>One line per attempt, oldest first</caption><thead><tr>"
    heads = ("Attempt", "When", "What", "Release", "Run by", "Approved by", "Result")
    yield "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead><tbody>"
    for each in found:
        release = each.opening.release
        cells = (
            _time(each.opening.time),
            _text(each.opening.operation),
            _text(_release(each)) if release else "",
            _text(each.runner),
            _text(", ".join(one.name for one in each.approvers)),
            _text(each.result),
        )
        yield f'<tr><th scope="row">{_link(each)}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></section>"


def _details(found: Sequence[Attempt]) -> Iterator[str]:
    yield '<section aria-labelledby="details"><h2 id="details">Each attempt</h2>'
    for each in found:
        opening = each.opening
        heading = f"{opening.sequence}: {opening.operation}, {each.result}"
        yield f'<article id="record-{opening.sequence}"><h3>{_text(heading)}</h3>'
        yield _list(_facts(each))
        yield "</article>"
    yield "</section>"


def _facts(each: Attempt) -> list[tuple[str, str]]:
    opening, ending = each.opening, each.ending
    git = opening.git
    glass = each.break_glass
    ended = f"{_time(ending.time)}, record {ending.sequence}" if ending else ""
    return [
        ("Began" if ending else "Time", f"{_time(opening.time)}, record {opening.sequence}"),
        ("Ended", ended),
        ("Took", f"{each.seconds:.1f} s" if each.seconds is not None else ""),
        ("Cause", each.reason),
        ("Run by", _identity(opening)),
        ("By way of", f"{opening.front}, program {opening.program}"),
        ("Release", f"{_release(each)}, {opening.release.digest}" if opening.release else ""),
        ("Snapshot with secrets' versions", opening.snapshot or ""),
        ("Commit", f"{git.commit or 'not known'}{' with uncommitted changes' if git.dirty else ''}" if git else ""),
        ("Authors", ", ".join(git.authors) if git else ""),
        ("Changes", "; ".join(_change(one.child, one.change, one.words) for one in opening.changes)),
        ("Versions", ", ".join(f"{name} {child.version}" for name, child in opening.children.items() if child.version)),
        ("Secrets", ", ".join(f"{path} version {number}" for path, number in opening.secrets.items())),
        ("Approved by", "; ".join(_approval(one) for one in each.approvers)),
        ("Break-glass", _approval(glass) if glass else ""),
        ("Overrides", "; ".join(f"{one.what}: {one.reason}" for one in opening.overrides)),
        ("Policies", ", ".join(f"{one.policy}: {one.verdict}" for one in opening.policies)),
        ("Preview", opening.preview or ""),
        ("Rollback of", f"release {opening.rollback_of}" if opening.rollback_of is not None else ""),
        ("Evidence for", ", ".join(_names(each))),
    ]


def _names(each: Attempt) -> list[str]:
    held = {evidence.control.name for record in each.records for evidence in evidence_of(record)}
    return [control.name for control in CONTROLS if control.name in held]


def _identity(record: Record) -> str:
    vault, cluster = record.who.vault, record.who.kubernetes
    said = [runner(record)]
    if vault:
        said.append(f"in Vault {vault.entity_name or vault.display_name}, entity {vault.entity or 'none'}")
        said.append(f"policies {', '.join(vault.policies) or 'none'}")
    if cluster:
        said.append(f"in the cluster {cluster.username}, groups {', '.join(cluster.groups) or 'none'}")
    return "; ".join(filter(None, said))


def _release(each: Attempt) -> str:
    release = each.opening.release
    if release is None:
        return ""
    digest = release.digest.removeprefix("sha256:")[:_DIGITS]
    return f"{release.number} ({digest})" if release.number else digest


def _change(child: str, change: str, words: Iterable[str]) -> str:
    told = ", ".join(words)
    return f"{child or 'the parent'} {change}" + (f" ({told})" if told else "")


def _approval(one: Approver) -> str:
    reason = f': "{one.reason}"' if one.reason else ""
    proof = "signed" if one.proven else "NOT SIGNED with the key in the record,"
    return f"{one.name} (entity {one.entity}, {proof} {one.issued}, valid until {one.expires}){reason}"


def _checking(about: Statement) -> Iterator[str]:
    yield '<section aria-labelledby="checking"><h2 id="checking">How to check</h2>'
    yield "<p>On any machine with App of Apps, without access to the cluster or to Vault:</p>"
    yield "<p><code>aoa evidence verify BUNDLE --keys FILE</code></p>"
    yield (
        "<p>FILE holds the public keys as you got them from somewhere else than this bundle. Compare: these are the "
        "SHA-256 fingerprints of the keys that come with it.</p>"
    )
    yield "<table><caption>Keys in this bundle</caption><thead><tr>"
    yield '<th scope="col">Key</th><th scope="col">Fingerprint</th></tr></thead><tbody>'
    for name, fingerprint in about.keys.items():
        yield f'<tr><th scope="row">{_text(name)}</th><td><code>{_text(fingerprint)}</code></td></tr>'
    yield "</tbody></table></section>"


def _list(rows: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rows if value) + "</dl>"


def _link(each: Attempt) -> str:
    return f'<a href="#record-{each.opening.sequence}">{each.opening.sequence}</a>'


def _end(sequence: int, digest: str) -> str:
    return f"number {sequence}, {digest}"


def _time(time: str) -> str:
    return _text(time.replace("T", " ").replace("Z", " UTC"))


def _ranges(numbers: Sequence[int]) -> str:
    """Return ``1-4, 7`` for 1, 2, 3, 4, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _text(value: str) -> str:
    return html.escape(_DISTURBING.sub("\N{REPLACEMENT CHARACTER}", value))
