"""One cluster: a real control plane over a real etcd, with nodes and pods played by KWOK."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import kube, stages
from sandbox.files import PRIVATE, write, write_json
from sandbox.issuer import Issuer
from sandbox.parts import Part, http_probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.layout import Layout
    from sandbox.parts import Probe

_OBJECTS = Path(__file__).parent / "objects"
_OPERATOR_NAMESPACE = "vault-secrets-operator-system"

PORTS = (
    "etcd",
    "etcd-peer",
    "etcd-metrics",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
    "vault-secrets-operator",
    "vault-secrets-operator-metrics",
)
"""Names of the ports one cluster needs, without the environment before them."""

TOOLS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "vault-secrets-operator",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster of one environment.

    `ports` are those of the whole sandbox by full name (``staging/etcd``), `tools` the paths of binaries by name,
    `crds` the folder of the operator's CRDs.
    """

    env: str
    layout: Layout
    ports: Mapping[str, int]
    tools: Mapping[str, Path]
    crds: Path

    def port(self, name: str) -> int:
        """A port of this cluster."""
        return self.ports[f"{self.env}/{name}"]

    @property
    def issuer(self) -> str:
        """``iss`` of the cluster's service account tokens."""
        return f"https://kubernetes.{self.env}.sandbox.test"

    @property
    def jwks_url(self) -> str:
        """Where Vault finds the keys behind those tokens."""
        return f"https://127.0.0.1:{self.port('kube-apiserver')}/openid/v1/jwks"

    @property
    def authority(self) -> Path:
        """The CA certificate, PEM."""
        return self.layout.pki(self.env) / "ca.crt"

    def prepare(self) -> None:
        """Write certificates, configuration files and kubeconfigs; unchanged ones are left alone."""
        certificates = self.layout.pki(self.env)
        if not certificates.is_dir():
            from sandbox import pki  # noqa: PLC0415 - takes a tenth of a second, and only a first `up` needs it

            pki.create(certificates, self.env)
        folder = self.layout.cluster(self.env)
        write(folder / "etc/kwok.yaml", stages.config())
        write(self._authentication, Issuer(self.layout, self.ports).authentication(self.env))
        for user in ("kube-controller-manager", "kube-scheduler", "kwok", "vault-secrets-operator"):
            write_json(folder / f"etc/{user}.kubeconfig", self._kubeconfig(user), mode=PRIVATE)
        write_json(self.layout.env_kubeconfig(self.env), self._kubeconfig("admin"), mode=PRIVATE)

    @property
    def _authentication(self) -> Path:
        return self.layout.cluster(self.env) / "etc/authentication.json"

    def _kubeconfig(self, user: str) -> dict[str, Any]:
        return kube.kubeconfig({self.env: (self.port("kube-apiserver"), self.layout.pki(self.env))}, user)

    def _part(
        self,
        name: str,
        flags: Mapping[str, object],
        probe: Probe,
        *,
        tool: str | None = None,
        environ: Mapping[str, str] | None = None,
        inputs: tuple[Path, ...] = (),
        starts: int = 1,
    ) -> Part:
        full = f"{self.env}/{name}"
        argv = [str(self.tools[tool or name]), *(f"--{flag}={value}" for flag, value in flags.items())]
        return Part(
            name=full,
            argv=tuple(argv),
            port=self.ports[full],
            probe=probe,
            log=self.layout.log(full),
            folder=self.layout.run(full),
            environ=environ or {},
            inputs=inputs,
            starts=starts,
        )

    def etcd(self) -> Part:
        """The store. Loopback is shared by all users of a machine, so clients need a certificate here as well."""
        certificates = self.layout.pki(self.env)
        client, peer = (f"https://127.0.0.1:{self.port(name)}" for name in ("etcd", "etcd-peer"))
        metrics = self.port("etcd-metrics")
        flags = {
            "name": "sandbox",
            "data-dir": self.layout.cluster(self.env) / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"sandbox={peer}",
            "listen-metrics-urls": f"http://127.0.0.1:{metrics}",
            "cert-file": certificates / "server.crt",
            "key-file": certificates / "server.key",
            "client-cert-auth": "true",
            "trusted-ca-file": certificates / "ca.crt",
            "peer-cert-file": certificates / "server.crt",
            "peer-key-file": certificates / "server.key",
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": certificates / "ca.crt",
            "auto-compaction-retention": "1",
            "log-level": "warn",
        }
        return self._part("etcd", flags, http_probe(metrics, "/health"))

    def apiserver(self) -> Part:
        """The API server: RBAC on, audit log on, loopback only."""
        certificates = self.layout.pki(self.env)
        policy = _OBJECTS / "audit-policy.yaml"
        port = self.port("kube-apiserver")
        flags = {
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            # Loopback is no address that other pods could use, so the server does not publish itself.
            "endpoint-reconciler-type": "none",
            "secure-port": port,
            "etcd-servers": f"https://127.0.0.1:{self.port('etcd')}",
            "etcd-cafile": certificates / "ca.crt",
            "etcd-certfile": certificates / "etcd-client.crt",
            "etcd-keyfile": certificates / "etcd-client.key",
            "tls-cert-file": certificates / "server.crt",
            "tls-private-key-file": certificates / "server.key",
            "client-ca-file": certificates / "ca.crt",
            "authentication-config": self._authentication,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": self.issuer,
            "api-audiences": f"{self.issuer},https://kubernetes.default.svc",
            "service-account-key-file": certificates / "sa.pub",
            "service-account-signing-key-file": certificates / "sa.key",
            "allow-privileged": "true",
            "audit-policy-file": policy,
            "audit-log-path": self.layout.audit_log(self.env),
            "audit-log-maxsize": 200,
            "audit-log-maxbackup": 2,
            "profiling": "false",
        }
        probe = http_probe(port, "/readyz", authority=certificates / "ca.crt")
        return self._part("kube-apiserver", flags, probe, inputs=(policy, self._authentication))

    def controllers(self) -> list[Part]:
        """What works against the API server: controller manager, scheduler, KWOK, secrets operator."""
        certificates, etc = self.layout.pki(self.env), self.layout.cluster(self.env) / "etc"
        parts = []
        for name, own in {
            "kube-controller-manager": {
                "service-account-private-key-file": certificates / "sa.key",
                "root-ca-file": certificates / "ca.crt",
                "cluster-signing-cert-file": certificates / "ca.crt",
                "cluster-signing-key-file": certificates / "ca.key",
                "use-service-account-credentials": "true",
                "service-cluster-ip-range": "10.96.0.0/16",
            },
            "kube-scheduler": {},
        }.items():
            config = etc / f"{name}.kubeconfig"
            flags = {
                "kubeconfig": config,
                "authentication-kubeconfig": config,
                "authorization-kubeconfig": config,
                "bind-address": "127.0.0.1",
                "secure-port": self.port(name),
                "tls-cert-file": certificates / "server.crt",
                "tls-private-key-file": certificates / "server.key",
                "leader-elect": "false",
                "kube-api-qps": 200,
                "kube-api-burst": 400,
                "profiling": "false",
                **own,
            }
            probe = http_probe(self.port(name), "/healthz", authority=certificates / "ca.crt")
            parts.append(self._part(name, flags, probe, inputs=(config,)))
        return [*parts, self._kwok(), self._operator()]

    def _kwok(self) -> Part:
        etc, port = self.layout.cluster(self.env) / "etc", self.port("kwok-controller")
        flags = {
            "kubeconfig": etc / "kwok.kubeconfig",
            "config": etc / "kwok.yaml",
            "manage-all-nodes": "true",
            "cidr": "10.128.0.1/16",
            "node-ip": "10.0.0.1",
            "node-lease-duration-seconds": 0,
            "server-address": f"127.0.0.1:{port}",
        }
        inputs = (etc / "kwok.kubeconfig", etc / "kwok.yaml")
        probe = http_probe(port, "/healthz")
        # Seen on a busy machine: kwok 0.8.0 crashes in lifecycle.Stage.init, where nodes meet their first stage.
        return self._part("kwok-controller", flags, probe, tool="kwok", inputs=inputs, starts=3)

    def _operator(self) -> Part:
        config = self.layout.cluster(self.env) / "etc/vault-secrets-operator.kubeconfig"
        port = self.port("vault-secrets-operator")
        environ = {
            "KUBECONFIG": str(config),
            "OPERATOR_NAMESPACE": _OPERATOR_NAMESPACE,
            "POD_NAME": "vault-secrets-operator",
            "POD_UID": "00000000-0000-0000-0000-000000000000",
        }
        flags = {
            "leader-elect": "false",
            "health-probe-bind-address": f"127.0.0.1:{port}",
            "metrics-bind-address": f"127.0.0.1:{self.port('vault-secrets-operator-metrics')}",
        }
        probe = http_probe(port, "/readyz")
        return self._part("vault-secrets-operator", flags, probe, environ=environ, inputs=(config,))

    def parts(self) -> list[Part]:
        """All of them, in the order in which they can start."""
        return [self.etcd(), self.apiserver(), *self.controllers()]
