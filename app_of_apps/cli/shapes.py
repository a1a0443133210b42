"""The JSON shapes that ``aoa`` answers in, for the reference; tests hold them to what is really printed."""

from __future__ import annotations

from collections.abc import Mapping

SHAPES: Mapping[str, tuple[str, str]] = {
    "app-of-apps/validation/v1": (
        "`aoa validate --format json`",
        """
{
  "format": "app-of-apps/validation/v1",
  "revision": 2,         // has the fields of 1, and more
  "ok": false,
  "online": true,        // whether cluster, Vault and registries were asked
  "problems": [          // empty when ok
    {"file": "apps/api.yaml", "line": 5, "column": 13,   // null when the whole file is meant
     "path": "dependsOn[0]", "message": "…", "hint": "…",
     "rule": "unknown-reference",   // docs/validation.md lists them
     "severity": "error",
     "environment": "prod",         // null where it is not one alone
     "fingerprint": "…"}            // the same from run to run, wherever the lines move
  ],
  "warnings": [          // the same fields, with the severity "warning"
    {"file": "Pulumi.prod.yaml", "line": 12, "column": 16, "path": "versions.api", "message": "…", "hint": "…",
     "rule": "version-not-below", "severity": "warning", "environment": "prod", "fingerprint": "…"}
  ],
  "notLookedAt": [       // and why; silent: something should have answered and did not
    {"environment": "prod", "what": "secrets in Vault", "why": "…", "silent": true}
  ],
  "environments": [      // empty unless ok
    {"name": "staging", "release": "sha256:…", "children": 6}
  ]
}
""",
    ),
    "app-of-apps/graph/v1": (
        "`aoa graph [ENV] --format json`",
        """
{
  "format": "app-of-apps/graph/v1",
  "parent": "shop",
  "environment": "staging",   // null without ENV
  "release": "sha256:…",      // null without ENV
  "waves": [["catalog"], ["orders"]],
  "children": [               // in the order in which they may start
    {"name": "orders", "type": "service", "team": "orders",
     "version": "1.14.0",     // null without ENV, and for children without a version
     "wave": 2,               // from 1
     "dependsOn": ["catalog"],
     "waitsFor": ["catalog"]} // everything before it, not only its own edges
  ]
}
""",
    ),
    "app-of-apps/status/v1": (
        "`aoa status --output json`",
        """
{
  "format": "app-of-apps/status/v1",
  "healthy": true,            // every child of every environment is known to be healthy
  "environments": [
    {"name": "staging", "context": "staging", "healthy": true,
     "error": null,           // why the cluster could not be read; the children are unknown then
     "release": "sha256:…",   // the last one that became healthy as a whole; null when there is none
     "released": "2030-01-01T12:00:00+00:00",
     "commit": "…",           // git commit of that release, where known
     "wanted": "sha256:…",    // the working tree's release
     "children": [
       {"name": "orders", "type": "service", "team": "orders",
        "state": "healthy",   // healthy, progressing, unhealthy, absent or unknown
        "version": "1.14.0",  // what runs
        "wanted": "1.14.0",   // what the environment's file names
        "current": true,      // whether exactly the working tree's content runs
        "ready": 2, "desired": 2,   // pods, or completions of a migration; null for others
        "since": "2030-01-01T12:00:00+00:00",
        "message": ""}        // why it is not healthy
     ]}
  ]
}
""",
    ),
    "app-of-apps/report/v1": (
        "`aoa up|preview|refresh|destroy|explain ENV --format json`",
        """
{
  "format": "app-of-apps/report/v1",
  "operation": "up", "parent": "shop", "environment": "staging", "release": "sha256:…",
  "ok": false, "interrupted": false,
  "seconds": 12.5,            // null for explain
  "causes": [                 // empty when ok; several when independent children failed
    {"sentence": "orders-migration (team orders, #team-orders): Job …: …",
     "child": "orders-migration",   // null when no child is to blame; team and contact too
     "team": "orders", "contact": "#team-orders",
     "object": {"kind": "Job", "namespace": "shop-orders-migration", "name": "…"},
     "message": "…", "details": ["…"]}
  ],
  "deletions": ["…"],         // what the release removes from what stood before, a line per child
  "children": [
    {"name": "orders", "team": "orders", "type": "service",
     "state": "blocked",      // up, changed, unchanged, failed, unfinished, blocked, not started, removed, unknown
     "version": "1.14.0",
     "standing": "1.13.2",    // what keeps running, where that is another version
     "because": ["orders-migration"],   // the way from the failed child to what this one waits for
     "changes": {"created": 3, "updated": 1},
     "detail": "", "seconds": 4.0}
  ],
  "next": ["…"],              // what to do now
  "notes": ["…"],             // what could not be found out, and why
  "warnings": ["…"],          // that somebody went around the gate; usually empty
  "cameBack": null            // after a failure that was taken back by itself (onFailure: rollback):
                              // {ok, number, release, children: ["api 2.0 → 1.9 comes back"], causes, seconds,
                              //  interrupted, refused: why it was not begun}
}
""",
    ),
    "app-of-apps/preview/v1": (
        "`aoa preview ENV --format json`: the report above, and this under `preview`",
        """
{
  "format": "app-of-apps/preview/v1",
  "release": "sha256:…",      // what would be deployed
  "digest": "sha256:…",       // of the preview; what an approval names
  "base": "release-3-…",      // the record of what stands; null where nothing does
  "gate": {"state": "shut",   // open, shut, not known
           "lines": ["…"]},   // who opened it, or who could and how
  "confidence": {"exact": 7}, // exact, assumed, unknown: how many resources
  "risks": [                  // what must not be overlooked, errors first
    {"rule": "access-widened", "level": "warning", "child": null, "message": "…",
     "at": {"file": "parent.yaml", "line": 77, "column": 3}}
  ],
  "children": [               // in dependency order, those that go at the end
    {"name": "orders", "team": "orders", "type": "service",
     "change": "changed",     // added, removed, changed, unchanged
     "version": "1.15.0", "dependsOn": ["catalog"],
     "words": ["version 1.14.0 → 1.15.0"],
     "pods": "pods restart: yes",   // null where nothing changes
     "confidence": "exact",   // the least of its resources'
     "secrets": [{"path": "orders/database", "key": "url", "change": "missing"}],   // added, removed, missing
     "resources": [
       {"op": "update",       // create, update, replace, delete
        "kind": "Deployment", "namespace": "shop-orders", "name": "orders",
        "confidence": "exact", "why": "",   // why it is no better
        "restarts": true,     // its pods
        "kept": false,        // whether a deletion only lets go of it
        "replacedFor": ["spec.…"],
        "fields": [           // empty where only the marks of the release differ
          {"path": "spec.…", "change": "changed", "before": "…", "after": "…",
           "secret": false,   // then neither value is shown
           "unknown": false}  // the new value is known only while it is deployed
        ]}
     ],
     "at": {"file": "apps/orders.yaml", "line": 2, "column": 1}}
  ],
  "around": [],               // resources that belong to no child, in the same shape
  "words": ["…"],             // what differs outside of the children
  "access": [{"subject": "group oncall", "change": "gains", "where": "kubernetes", "target": "pods/exec",
              "verbs": ["create"], "children": ["orders"]}],
  "leftOver": ["…"],          // what stands and is in no release that succeeded
  "policies": ["…"], "warnings": ["…"],
  "unknown": ["…"],           // what could not be found out, and why
  "drift": {                  // from what was deployed; null where nothing was, or nobody could look
    "differences": [          // as in app-of-apps/drift/v1, sorted
      {"child": "orders",     // null for what belongs to the whole parent
       "object": {"where": "kubernetes", "kind": "Deployment", "namespace": "shop-orders", "name": "orders"},
       "what": "changed",     // changed, removed, added (a field), missing, undeclared (an object)
       "field": "spec.replicas",   // null when the whole object is meant
       "declared": "2", "live": "5",   // null where absent, and where they may not be shown
       "secret": false,       // then neither value is shown
       "by": ["kubectl"],     // what the clients that wrote it call themselves, the last one first
       "touched": true}       // whether this release writes the object, too
    ],
    "unread": ["…"],          // what could not be compared, and why
    "notes": ["…"]},
  "waiting": {                // what earlier releases took; null where there is nothing to wait for, or no records
    "deployment": {"seconds": 40.0, "low": 31.0, "high": 70.5, "samples": 5},   // on the longest path; null: not known
    "path": ["orders-migration", "orders"],
    "children": [             // those that change and were measured before, in dependency order
      {"name": "orders", "seconds": 12.0, "low": 9.5, "high": 20.0, "samples": 5}],   // median, without what it needs
    "unmeasured": ["…"],      // those that change and were not
    "approvalsWanted": true,  // whether the gate is shut for want of approvals
    "approvals": null},       // like deployment: from the commit to the last signature; null: not known, or not wanted
  "prediction": {             // what an update is compared with; null where the preview did not get through
    "format": "app-of-apps/prediction/v1",
    "parent": "shop", "environment": "staging",
    "release": "sha256:…", "base": "release-3-…", "digest": "sha256:…",   // as above
    "resources": [
      {"id": "kubernetes:apps/v1:Deployment::orders-orders",   // type and logical name
       "child": "orders",     // null for what belongs to none
       "op": "update", "confidence": "exact",
       "fields": ["spec.…"]}  // names alone, of an update or a replacement, without the marks of the release
    ]}
}
""",
    ),
    "app-of-apps/preview-accuracy/v1": (
        "`aoa preview accuracy --format json`",
        """
{
  "format": "app-of-apps/preview-accuracy/v1",
  "parent": "shop",
  "environments": [
    {"environment": "staging",
     "confidence": {          // those that occur, of the updates that are counted
       "exact": {"right": 118, "wrong": 1,
                 "failed": 0,       // begun as predicted, and failed
                 "unreached": 0}},  // the update ended before
     "unforetold": 0,         // resources that were touched and that no preview had named
     "updates": [             // those that were compared, oldest first
       {"record": 31,         // that the update began with
        "release": "release-7-…", "time": "2030-01-01T12:00:00Z",
        "counted": true,      // false where something else stood than what its preview had seen
        "preview": "sha256:…",
        "foretoldOn": "release-6-…", "base": "release-6-…",   // what stood; null where nothing did
        "ok": true,           // whether the update succeeded
        "counts": {"exact": {"right": 22, "wrong": 1, "failed": 0, "unreached": 0}},
        "unforetold": 0,
        "misses": [           // at most 50
          {"what": "other properties",   // other operation, other properties, did not happen, not predicted
           "id": "kubernetes:apps/v1:Deployment::orders-orders",
           "child": "orders",     // null for what belongs to none
           "confidence": "exact", // null for what was not predicted
           "foretold": "update", "happened": "update",   // operations; null: none
           "more": ["spec.…"],    // properties that differed and were not named
           "less": []}],          // properties that were named and did not differ
        "unnamed": 0}         // misses beside those
     ],
     "uncompared": 3,         // updates that ended, and that no preview of theirs was there for or nobody listened to
     "findings": ["…"],       // what is wrong with the chain; exit code 1
     "notes": ["…"]}          // what was not checked, and why
  ]
}
""",
    ),
    "app-of-apps/previews/v1": (
        "`aoa preview ENV ENV --format json`",
        """
{
  "format": "app-of-apps/previews/v1",
  "environments": [           // in the order in which they were named; reports with a preview, or of this shape:
    {"format": "app-of-apps/no-preview/v1",
     "parent": "shop", "environment": "staging",
     "exitCode": 2, "kind": "InvalidInput", "message": "…",
     "problems": [{"file": "apps/api.yaml", "line": 5, "column": 13, "path": "dependsOn[0]", "message": "…",
                   "hint": "…"}]}
  ]
}
""",
    ),
    "app-of-apps/access/v1": (
        "`aoa access show ENV --output json`",
        """
{
  "format": "app-of-apps/access/v1",
  "environment": "staging",
  "release": "sha256:…",
  "groupsPrefix": "oidc:",    // what the API server puts before a group's name
  "oidcMount": "oidc-staging",   // where people log in to Vault; null when nobody has rights there
  "access": [                 // one per group, role and child; then one per workload and role
    {"kind": "group",         // group or workload
     "subject": "oidc:team-orders",   // as the API server sees it
     "group": "team-orders",  // as the identity provider names it; null for a workload
     "role": "operator", "child": "orders", "team": "orders", "namespace": "shop-orders",
     "kubernetes": [
       {"apiGroup": "", "resource": "pods/log",
        "names": ["…"],       // empty for all objects
        "verbs": ["get"]}],
     "vault": [
       {"path": "kv-staging/metadata/orders/database", "capabilities": ["read"],
        "sharedWith": ["settlement"]}],   // other children that use the same secret
     "reachesSecrets": "pods/exec",       // by what the pods' secrets are reached; null when they are not
     "why": {"file": "parent.yaml", "line": 120, "column": 11}}   // the grant; null for a workload
  ]
}
""",
    ),
    "app-of-apps/access-diff/v1": (
        "`aoa access diff A B --output json`",
        """
{
  "format": "app-of-apps/access-diff/v1",
  "before": "staging", "after": "prod",   // as they were named
  "environments": [
    {"before": "staging", "after": "prod",
     "changes": [             // empty when nobody gains or loses anything
       {"subject": "group team-orders",   // or: workload orders
        "change": "loses",    // gains or loses
        "where": "kubernetes",   // kubernetes or vault
        "target": "pods/exec",   // in Vault the path below the mount, such as metadata/orders/database
        "verbs": ["create", "get"],
        "children": ["mailer", "orders"]}
     ]}
  ]
}
""",
    ),
    "app-of-apps/drift/v1": (
        "`aoa drift ENV --output json`",
        """
{
  "format": "app-of-apps/drift/v1",
  "parent": "shop", "environment": "staging",
  "release": "sha256:…",      // the release that was deployed last
  "record": "release-…",      // its ConfigMap
  "basis": "record",          // record or working tree: where the release's content was taken from
  "clean": false,
  "differences": [            // empty when clean
    {"child": "orders",       // null for what belongs to the whole parent, such as a group in Vault
     "object": {"where": "kubernetes",   // kubernetes or vault
                "kind": "Deployment", "namespace": "shop-orders", "name": "orders"},   // no namespace in Vault: null
     "what": "changed",       // changed, removed (a declared field), added (a field), missing, undeclared (an object)
     "field": "spec.template.spec.containers[orders].image",   // null when the whole object is meant
     "declared": "…", "live": "…",   // null where absent; what looks like a secret is not shown
     "by": [                  // the last writer first; empty where nobody keeps account
       {"manager": "kubectl-set", "operation": "Update", "subresource": null, "time": "2030-01-01T12:00:00Z"}],
     "fixable": true}         // whether --fix brings back what was declared
  ],
  "tolerated": [              // what differs and is no drift, and why
    {"child": "orders",
     "object": {"where": "kubernetes", "kind": "Deployment", "namespace": "shop-orders", "name": "orders"},
     "field": "spec.replicas", "why": "the autoscaler decides about the replicas"}
  ],
  "unread": ["…"],            // what could not be compared, and why; exit code 4 when nothing else differs
  "notes": ["…"],             // what one should know beside it, such as an attempt since that has not succeeded
  "fixed": {"ok": true, "before": 3, "left": 0}   // null without --fix, or when there was nothing to fix
}
""",
    ),
    "app-of-apps/approvals/v1": (
        "`aoa approvals ENV --format json`",
        """
{
  "format": "app-of-apps/approvals/v1",
  "environment": "prod",
  "parent": "shop",
  "release": "sha256:…",      // the working tree's
  "base": "sha256:…",         // what stands; null before the first release
  "needed": 2,                // approvals that the release takes
  "open": false,              // null where this login may not look up people
  "missing": ["…"],           // who could approve and how, one line each; empty unless open is false
  "statements": [             // those that count first
    {"kind": "approve",       // approve, destroy, break-glass, revoke; null for what is no statement
     "approver": "dora", "nonce": "…", "digest": "sha256:…",
     "issued": "2030-01-01T12:00:00Z", "expires": "2030-01-02T12:00:00Z", "reason": "",
     "counts": false,         // null like open
     "why": "it has expired"} // empty unless it does not count
  ]
}
""",
    ),
    "app-of-apps/history/v1": (
        "`aoa history ENV --output json`",
        """
{
  "format": "app-of-apps/history/v1",
  "parent": "shop", "environment": "prod",
  "since": "2030-01-01T00:00:00+01:00", "until": null,   // null where left open
  "chain": {
    "records": 12,            // in the whole chain
    "whole": true,            // false, and exit code 1: not as it was signed
    "signaturesChecked": true,   // false when Vault did not give the public keys
    "anchor": 12,             // the newest record by Vault; null when it was not read
    "findings": [             // empty when whole
      {"subject": "record 7", "kind": "edited", "words": "…"}   // edited, dropped, reordered, added, unsigned
    ],
    "notes": ["…"]            // what could not be checked, and why
  },
  "attempts": [               // oldest first
    {"records": [7, 8],       // of its beginning and its end, and of the note that says how well it was foretold
     "began": "2030-01-01T12:00:00+01:00",
     "ended": "2030-01-01T12:03:00+01:00",   // null while it is open, and for what is one record
     "operation": "up",       // up, destroy, rollback, drift-fix, promote …
     "result": "succeeded",   // succeeded, failed, refused, killed, interrupted, open or noted
     "reason": "",            // why not
     "seconds": 180.0,        // null when nobody measured
     "runBy": "ada",          // as authenticated; null when not known
     "front": "pulumi",       // pulumi, aoa or service
     "release": {"digest": "sha256:…", "number": 4, "name": "release-4-…"},   // or null
     "rollbackOf": null,      // number of the release that came back
     "commit": "…", "authors": ["…"],   // by git
     "changes": [{"child": "orders", "change": "changed", "words": ["…"]}],   // added, removed or changed
     "approvals": [
       {"name": "ben", "entity": "…", "reason": "",
        "issued": "2030-01-01T10:00:00Z", "expires": "2030-01-02T10:00:00Z",
        "proven": true}],     // signed with the public key in the record
     "breakGlass": null,      // or the same
     "overrides": [{"what": "…", "reason": "…"}]}
  ]
}
""",
    ),
    "app-of-apps/evidence-list/v1": (
        "`aoa evidence list ENV --output json`",
        """
{
  "format": "app-of-apps/evidence-list/v1",
  "parent": "shop", "environment": "prod",
  "chain": {
    "records": 12,            // in the whole chain
    "whole": true,            // false, and exit code 1: not as it was signed
    "signaturesChecked": true,   // false when Vault did not give the public keys
    "anchor": 12,             // the newest record by Vault; null when it was not read
    "findings": [             // empty when whole
      {"subject": "record 7", "kind": "edited", "words": "…"}   // edited, dropped, reordered, added, unsigned
    ],
    "notes": ["…"]            // what could not be checked, and why
  },
  "records": [
    {"hash": "sha256:…", "key": "transit/aoa-evidence-prod:1",
     "record": null}          // app-of-apps/record/v1 as it was signed; null when it cannot be read
  ]
}
""",
    ),
    "app-of-apps/evidence-verdict/v1": (
        "`aoa evidence verify BUNDLE --output json`",
        """
{
  "format": "app-of-apps/evidence-verdict/v1",
  "intact": true,
  "keysPinned": false,        // whether the keys came from --keys
  "about": {                  // what the manifest of the bundle says
    "parent": "shop", "environment": "prod",
    "made": "2030-01-01T12:00:00Z", "program": "0.1.0",
    "asked": {"since": null, "until": null},
    "range": {"first": 1, "last": 12, "count": 12, "previous": "sha256:…", "hash": "sha256:…"},   // or null
    "head": {"sequence": 12, "hash": "sha256:…"},     // the newest record of the chain; or null
    "anchor": {"sequence": 12, "hash": "sha256:…"},   // the same by Vault; or null
    "keys": {},               // name → fingerprint
    "findings": ["…"], "notes": ["…"]},
  "findings": [{"subject": "record 7", "kind": "dropped", "words": "…"}],
  "keys": {},                 // name → fingerprints of what was checked with
  "notes": ["…"]              // what could not be checked
}
""",
    ),
    "app-of-apps/promotion/v1": (
        "`aoa promote SOURCE TARGET --output json`",
        """
{
  "format": "app-of-apps/promotion/v1",
  "source": "staging", "target": "prod",
  "written": true,            // false with --dry-run, when nothing moves, and when it was refused
  "commit": "…",              // full hash with --commit or --branch, else null
  "branch": "promote/prod",   // with --branch, else null
  "note": 12,                 // the record in the target's evidence that tells of an override, else null
  "children": [               // each that has a version of its own
    {"name": "orders",
     "before": "1.13.2",      // in the target's file; null when it has none
     "version": "1.14.0",     // what moves or stays below; null when the source has none
     "moves": true,
     "overridden": false,     // whether it moves although it should not
     "why": null,             // same already, not healthy long enough, failed, not healthy now, never seen healthy,
                              // only in the working tree, older than the target's, removed below, cannot be pinned
     "message": "healthy in staging for 3h 12m (record 7)",
     "record": 7,             // the record of the source that this rests on
     "since": "2030-01-01T12:00:00+00:00",   // healthy since then
     "due": null,             // when a version that is not healthy long enough may move
     "followers": ["orders-migration"]}      // children that take their version from this one
  ]
}
""",
    ),
    "app-of-apps/environments/v1": (
        "`aoa compare A B --output json`",
        """
{
  "format": "app-of-apps/environments/v1",
  "environments": [           // A, then B
    {"name": "staging",
     "wanted": "sha256:…",    // the working tree's release
     "release": "sha256:…", "number": 7}   // the last success; null when there is none
  ],
  "same": true,               // nothing differs but what is declared
  "declared": [
    {"topic": "replicas",     // versions, replicas, config, host, resources, network, gates, access …
     "child": "orders",       // null when it is about more than one
     "path": "spec.replicas", "values": [2, 3]}   // in A, in B; null where it is absent
  ],
  "other": [
    {"kind": "behind its working tree",   // or: deployed differently, in one only, program version, never released
     "environment": "prod",   // null when it lies between the two
     "child": "orders",       // null when it is about none in particular
     "message": "…"}
  ]
}
""",
    ),
    "app-of-apps/release/v1": (
        "`aoa release show [ENV] --output json`",
        """
{
  "format": "app-of-apps/release/v1",
  "source": "working tree",   // working tree, revision REV or record NUMBER
  "number": null,             // the release's number, for a record
  "digest": "sha256:…",       // SHA-256 over the canonical JSON of content
  "content": {
    "parent": "shop", "environment": "staging", "labels": {}, "teams": {}, "vault": {}, "access": {}, "tenancy": {},
    "programVersion": "…",
    "children": {"orders": "sha256:…"}},
  "children": [               // in the order in which they may start
    {"name": "orders", "digest": "sha256:…",   // SHA-256 over the canonical JSON of the child's content
     "content": {"spec": {}, "namespace": "shop-orders", "version": "1.14.0", "image": "…"}}
  ],
  "snapshot": {               // null when Vault was not asked, and for revisions and records
    "release": "sha256:…",
    "secrets": {"kv-staging/orders/database": 3}},   // path with its mount → version in Vault now
  "snapshotDigest": "sha256:…"
}
""",
    ),
    "app-of-apps/release-diff/v1": (
        "`aoa release diff A [B] --output json`",
        """
{
  "format": "app-of-apps/release-diff/v1",
  "before": {"environment": "staging", "source": "record 7", "release": "sha256:…"},
  "after": {"environment": "staging", "source": "working tree", "release": "sha256:…"},
  "release": [                // what changes outside of the children
    {"path": "programVersion", "before": "…", "after": "…"}],
  "children": [               // sorted by name; empty when nothing changes
    {"name": "orders",
     "change": "changed",     // added, removed or changed
     "words": ["version 1.13.2 → 1.14.0", "reads one more secret orders/mail:password"],
     "pods": "restart",       // restart, stay, start, stop, run again (a migration), next run (a cron job),
                              // unknown (a chart)
     "fields": [              // of a changed child
       {"path": "version", "before": "1.13.2", "after": "1.14.0"}]}   // null where absent
  ]
}
""",
    ),
}
