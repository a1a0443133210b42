"""Every way to more rights that the tests try, by what kind of child tries it. Each one must be refused at validate."""

from __future__ import annotations

import copy
from typing import Any

from tests.unit.identity.world import DEPLOYMENT

RBAC = "rbac.authorization.k8s.io"
Changes = dict[str, Any]


def _object(api: str, kind: str, **body: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "x"}, **body}


def _pod(**spec: Any) -> dict[str, Any]:
    found = copy.deepcopy(DEPLOYMENT)
    found["spec"]["template"]["spec"].update(spec)
    return found


def _container(**fields: Any) -> dict[str, Any]:
    found = copy.deepcopy(DEPLOYMENT)
    found["spec"]["template"]["spec"]["containers"][0].update(fields)
    return found


def _context(**fields: Any) -> dict[str, Any]:
    return _container(securityContext=fields)


def _volume(**source: Any) -> dict[str, Any]:
    return _pod(volumes=[{"name": "v", **source}])


_ANY = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}

# A name → the object that a `manifests` child, or a chart, would declare.
OBJECTS: dict[str, dict[str, Any]] = {
    "a role with every verb": _object(f"{RBAC}/v1", "Role", rules=[_ANY]),
    "a role that escalates": _object(
        f"{RBAC}/v1", "Role", rules=[{"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["escalate", "bind"]}]
    ),
    "a role that impersonates": _object(
        f"{RBAC}/v1", "Role", rules=[{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}]
    ),
    "a harmless role": _object(f"{RBAC}/v1", "Role", rules=[]),
    "a role of an old version": _object(f"{RBAC}/v1beta1", "Role", rules=[_ANY]),
    "a binding to the parent's role": _object(
        f"{RBAC}/v1",
        "RoleBinding",
        roleRef={"apiGroup": RBAC, "kind": "Role", "name": "aoa-viewer"},
        subjects=[{"kind": "ServiceAccount", "name": "api"}],
    ),
    "a binding to cluster-admin": _object(
        f"{RBAC}/v1", "RoleBinding", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    ),
    "a cluster role": _object(f"{RBAC}/v1", "ClusterRole", rules=[_ANY]),
    "a cluster role binding": _object(f"{RBAC}/v1", "ClusterRoleBinding"),
    "a list of bindings": {"apiVersion": f"{RBAC}/v1", "kind": "RoleBindingList", "metadata": {"name": "x"}},
    "a list of pods": {**_object("v1", "PodList"), "items": []},
    "a token request": _object("authentication.k8s.io/v1", "TokenRequest"),
    "a review of a token": _object("authentication.k8s.io/v1", "TokenReview"),
    "a review of access": _object("authorization.k8s.io/v1", "LocalSubjectAccessReview"),
    "a certificate": _object("certificates.k8s.io/v1", "CertificateSigningRequest"),
    "a mutating webhook": _object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    "a validating webhook": _object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    "an admission policy": _object("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    "a mutating admission policy": _object("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy"),
    "an API service": _object("apiregistration.k8s.io/v1", "APIService"),
    "a custom resource definition": _object("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    "a namespace": _object("v1", "Namespace"),
    "a node": _object("v1", "Node"),
    "a persistent volume": _object("v1", "PersistentVolume"),
    "a storage class": _object("storage.k8s.io/v1", "StorageClass"),
    "a priority class": _object("scheduling.k8s.io/v1", "PriorityClass"),
    "a runtime class": _object("node.k8s.io/v1", "RuntimeClass"),
    "an ingress class": _object("networking.k8s.io/v1", "IngressClass"),
    "a flow schema": _object("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
    "a gateway of its own": _object("gateway.networking.k8s.io/v1", "Gateway"),
    "a grant of references": _object("gateway.networking.k8s.io/v1beta1", "ReferenceGrant"),
    "a binding of a pod to a node": _object("v1", "Binding"),
    "a network policy that allows all": _object("networking.k8s.io/v1", "NetworkPolicy", spec={"ingress": [{}]}),
    "a network policy of another kind": _object("cilium.io/v2", "CiliumNetworkPolicy"),
    "a quota": _object("v1", "ResourceQuota", spec={"hard": {"pods": "100000"}}),
    "a limit range": _object("v1", "LimitRange"),
    "endpoints elsewhere": _object("v1", "Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}]}]),
    "an endpoint slice elsewhere": _object("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[]),
    "a token that never ends": {
        **_object("v1", "Secret", type="kubernetes.io/service-account-token"),
        "metadata": {"name": "x", "annotations": {"kubernetes.io/service-account.name": "default"}},
    },
    "a bootstrap token": _object("v1", "Secret", type="bootstrap.kubernetes.io/token"),
    "a secret with a value": _object("v1", "Secret", stringData={"key": "made-up"}),
    "an object of kube-system": {
        **_object("v1", "ConfigMap", data={}),
        "metadata": {"name": "x", "namespace": "kube-system"},
    },
    "an object of another child": {
        **_object("v1", "ConfigMap", data={}),
        "metadata": {"name": "x", "namespace": "shop-web"},
    },
    "an owner elsewhere": {
        **_object("v1", "ConfigMap", data={}),
        "metadata": {"name": "x", "ownerReferences": [{"kind": "Deployment", "name": "y", "uid": "z"}]},
    },
    "an operator's custom resource": _object("argoproj.io/v1alpha1", "Application"),
    "a release by another controller": _object("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    "a cluster by another controller": _object("cluster.x-k8s.io/v1beta1", "Machine"),
    "a cloud resource by another controller": _object("iam.aws.upbound.io/v1beta1", "Role"),
    "a login for many namespaces": _object("secrets.hashicorp.com/v1beta1", "VaultAuthGlobal"),
    "the login of another namespace": _object(
        "secrets.hashicorp.com/v1beta1", "VaultStaticSecret", spec={"vaultAuthRef": "shop-web/vault"}
    ),
    "a cluster's secret store": _object("external-secrets.io/v1", "ClusterSecretStore"),
    "a secret from the cluster's store": _object(
        "external-secrets.io/v1", "ExternalSecret", spec={"secretStoreRef": {"kind": "ClusterSecretStore", "name": "y"}}
    ),
    "a cluster's external secret": _object("external-secrets.io/v1", "ClusterExternalSecret"),
    "data of a volume elsewhere": _object(
        "v1", "PersistentVolumeClaim", spec={"dataSourceRef": {"kind": "x", "name": "y", "namespace": "shop-web"}}
    ),
    "a route to another namespace's service": _object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        spec={"rules": [{"backendRefs": [{"name": "web", "namespace": "shop-web", "port": 80}]}]},
    ),
    "code in the ingress controller": {
        **_object("networking.k8s.io/v1", "Ingress", spec={}),
        "metadata": {"name": "x", "annotations": {"nginx.ingress.kubernetes.io/server-snippet": "x"}},
    },
    "a foreign address": _object("v1", "Service", spec={"externalIPs": ["10.96.0.10"]}),
    "a port on every node": _object("v1", "Service", spec={"type": "NodePort"}),
    "another name for a service elsewhere": _object(
        "v1", "Service", spec={"type": "ExternalName", "externalName": "web.shop-web.svc.cluster.local"}
    ),
    "the node's network": _pod(hostNetwork=True),
    "the node's processes": _pod(hostPID=True),
    "the node's shared memory": _pod(hostIPC=True),
    "a node of its choice": _pod(nodeName="control-plane"),
    "a system priority": _pod(priorityClassName="system-node-critical"),
    "the node's files": _volume(hostPath={"path": "/"}),
    "the container runtime's socket": _volume(hostPath={"path": "/run/containerd/containerd.sock"}),
    "a program on the node": _volume(flexVolume={"driver": "x/y"}),
    "a foreign repository": _volume(gitRepo={"repository": "https://example.com/x"}),
    "a privileged container": _context(privileged=True),
    "a privileged container to start with": _pod(
        initContainers=[{"name": "i", "image": "x", "securityContext": {"privileged": True}}]
    ),
    "a privileged container to look with": _pod(
        ephemeralContainers=[{"name": "e", "image": "x", "securityContext": {"privileged": True}}]
    ),
    "administration of the system": _context(capabilities={"add": ["SYS_ADMIN"]}),
    "every capability": _context(capabilities={"add": ["ALL"]}),
    "a capability by its long name": _context(capabilities={"add": ["CAP_SYS_PTRACE"]}),
    "raw packets": _context(capabilities={"add": ["NET_RAW"]}),
    "the whole of /proc": _context(procMount="Unmasked"),
    "every system call": _context(seccompProfile={"type": "Unconfined"}),
    "every system call for the pod": _pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
    "no AppArmor": _context(appArmorProfile={"type": "Unconfined"}),
    "another SELinux type": _context(seLinuxOptions={"type": "spc_t"}),
    "another SELinux user": _context(seLinuxOptions={"user": "system_u"}),
    "a process of a Windows node": _context(windowsOptions={"hostProcess": True}),
    "a setting of the kernel": _pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
    "a port of the node": _container(ports=[{"containerPort": 80, "hostPort": 80}]),
    "a call by the node": _container(livenessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
    "a call by the node at the end": _container(lifecycle={"preStop": {"tcpSocket": {"host": "10.0.0.1", "port": 1}}}),
    "a privileged pod of its own": _object(
        "v1", "Pod", spec={"hostNetwork": True, "containers": [{"name": "x", "image": "y"}]}
    ),
    "a privileged daemon": {**_context(privileged=True), "kind": "DaemonSet"},
    "a privileged stateful set": {**_context(privileged=True), "kind": "StatefulSet"},
    "a privileged job": _object(
        "batch/v1",
        "Job",
        spec={"template": {"spec": {"hostPID": True, "containers": [{"name": "x", "image": "y"}]}}},
    ),
    "a privileged cron job": _object(
        "batch/v1",
        "CronJob",
        spec={"jobTemplate": {"spec": {"template": {"spec": {"hostPID": True, "containers": [{"name": "x"}]}}}}},
    ),
    "a privileged replica set": {**_context(privileged=True), "kind": "ReplicaSet"},
    "a template of privileged pods": _object(
        "v1", "PodTemplate", template={"spec": {"hostIPC": True, "containers": [{"name": "x", "image": "y"}]}}
    ),
}

# What only a pod's own standard refuses, where the parent asks for `restricted`.
RESTRICTED: dict[str, dict[str, Any]] = {
    "root": _context(runAsUser=0),
    "no word about root": _context(allowPrivilegeEscalation=False, capabilities={"drop": ["ALL"]}),
    "more rights than its parent": _context(runAsNonRoot=True, allowPrivilegeEscalation=True),
}

# A name → the values of a chart. What a chart makes of other values shows when it is rendered.
VALUES: dict[str, Changes] = {
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"controller": {"hostPID": True}},
    "the node's shared memory": {"hostIPC": True},
    "a privileged container": {"securityContext": {"privileged": True}},
    "administration of the system": {"containerSecurityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    "the whole of /proc": {"securityContext": {"procMount": "Unmasked"}},
    "the node's files": {"extraVolumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    "a program on the node": {"extraVolumes": [{"name": "x", "flexVolume": {"driver": "x/y"}}]},
    "a port of the node": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "a whole binding": {
        "extraObjects": [{"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "x"}}]
    },
    "a whole webhook": {
        "extraDeploy": [
            {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {}}
        ]
    },
    "an object of kube-system": {
        "manifests": {"x": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system"}}}
    },
    "a token that never ends": {
        "secrets": [{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"}]
    },
}

# What any child may try in its own file: fields that are the parent's alone.
EVERY_TYPE: dict[str, Changes] = {
    "access of its own": {"access": {"roles": {"viewer": {"kubernetes": [_ANY]}}}},
    "roles of its own": {"roles": {"admin": {"kubernetes": [_ANY]}}},
    "grants of its own": {"grants": [{"group": "blues", "role": "viewer", "all": True}]},
    "rules of its own": {"rbac": {"rules": [_ANY]}},
    "a wider tenancy": {"tenancy": {"network": None}},
    "another namespace": {"namespace": "kube-system"},
    "the name of the parent's namespace": {"name": "parent"},
    "a team that does not exist": {"team": "admins"},
    "the program's own annotation": {"annotations": {"app-of-apps/team": "blue"}},
    "an annotation of the engine": {"annotations": {"pulumi.com/skipAwait": "true"}},
    "the program's own label": {"labels": {"app.kubernetes.io/part-of": "other"}},
    "code in the ingress controller": {"annotations": {"nginx.ingress.kubernetes.io/configuration-snippet": "x"}},
    "a token of a service account": {"annotations": {"kubernetes.io/service-account.name": "default"}},
    "a way that is not there": {"network": {"ways": ["everywhere"]}},
    "a way of another team": {"network": {"ways": ["vault"]}},
    "a rule of the network": {"network": {"egress": [{}]}},
    "a call to nobody": {"network": {"calls": ["kube-dns"]}},
    "a raised quota": {"quota": {"pods": 1000}},
    "privileged pods by a label of the namespace": {"podSecurity": "privileged"},
}

# What a child with pods of its own may try.
WITH_PODS: dict[str, Changes] = {
    "a role that is not there": {"serviceAccount": {"roles": ["cluster-admin"]}},
    "a role of another team": {"serviceAccount": {"roles": ["blue-only"]}},
    "a role of people": {"serviceAccount": {"roles": ["viewer"]}},
    "a role with a wildcard": {"serviceAccount": {"roles": ["*"]}},
    "rules for its account": {"serviceAccount": {"rules": [_ANY]}},
    "the account of another": {"serviceAccount": {"name": "default"}},
    "the account of another, as Kubernetes writes it": {"serviceAccountName": "default"},
    "an annotation of the program on its account": {"serviceAccount": {"annotations": {"app-of-apps/team": "blue"}}},
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"hostPID": True},
    "the node's shared memory": {"hostIPC": True},
    "a node of its choice": {"nodeName": "control-plane"},
    "a system priority": {"priorityClassName": "system-node-critical"},
    "a privileged container": {"security": {"privileged": True}},
    "a privileged container, as Kubernetes writes it": {"securityContext": {"privileged": True}},
    "root": {"security": {"runAsUser": 0}},
    "the group of root": {"security": {"runAsGroup": 0}},
    "capabilities": {"security": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    "more rights than its parent": {"security": {"allowPrivilegeEscalation": True}},
    "another container": {"containers": [{"name": "x", "image": "y", "securityContext": {"privileged": True}}]},
    "another container to start with": {"initContainers": [{"name": "x", "image": "y"}]},
    "a sidecar": {"sidecars": [{"name": "x", "image": "y"}]},
    "the node's files": {"volumes": [{"name": "v", "mountPath": "/host", "hostPath": {"path": "/"}}]},
    "a token for another audience": {
        "volumes": [{"name": "v", "mountPath": "/t", "projected": {"sources": [{"serviceAccountToken": {}}]}}]
    },
    "the whole file system": {"volumes": [{"name": "v", "mountPath": "/", "emptyDir": {}}]},
    "the token's folder by dots": {"volumes": [{"name": "v", "mountPath": "/a/../var/run", "emptyDir": {}}]},
    "the secret of another team": {"secrets": {"X": {"path": "blue/api", "key": "k"}}},
    "the secret of another team as files": {"volumes": [{"name": "v", "mountPath": "/s", "secret": "blue/api"}]},
    "credentials of another team": {"secrets": {"X": {"dynamic": {"mount": "db", "role": "blue-rw"}, "key": "k"}}},
    "a secret that is nobody's": {"secrets": {"X": {"path": "green/api", "key": "k"}}},
    "a path that begins like its own": {"secrets": {"X": {"path": "redder/api", "key": "k"}}},
    "every secret": {"secrets": {"X": {"path": "red/*", "key": "k"}}},
    "every secret one below": {"secrets": {"X": {"path": "red/+/api", "key": "k"}}},
    "a secret by dots": {"secrets": {"X": {"path": "red/../blue/api", "key": "k"}}},
    "a secret from the root": {"secrets": {"X": {"path": "/blue/api", "key": "k"}}},
    "a policy by quotes": {"secrets": {"X": {"path": 'red/x" { capabilities = ["sudo"] } path "y', "key": "k"}}},
    "a policy by a line": {"secrets": {"X": {"path": 'red/x"\n}\npath "*', "key": "k"}}},
    "a mount of its choice": {"secrets": {"X": {"path": "red/api", "key": "k", "mount": "kv-prod"}}},
    "every key": {"secrets": {"X": {"path": "red/api", "key": ".*|x"}}},
    "a Secret of its namespace by name": {"envFrom": [{"secretRef": {"name": "other"}}]},
    "a value where a reference belongs": {"secrets": {"X": "made-up"}},
}

# What the parent's own roles may not say: access.roles.<name>.kubernetes.
RULES: dict[str, dict[str, list[str]]] = {
    "every verb": {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
    "every resource": {"apiGroups": [""], "resources": ["*"], "verbs": ["get"]},
    "every subresource": {"apiGroups": [""], "resources": ["pods/*"], "verbs": ["get"]},
    "one subresource of everything": {"apiGroups": [""], "resources": ["*/exec"], "verbs": ["create"]},
    "every group": {"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]},
    "escalate": {"apiGroups": [""], "resources": ["pods"], "verbs": ["escalate"]},
    "bind": {"apiGroups": [""], "resources": ["pods"], "verbs": ["bind"]},
    "impersonate": {"apiGroups": [""], "resources": ["pods"], "verbs": ["impersonate"]},
    "approve": {"apiGroups": [""], "resources": ["pods"], "verbs": ["approve"]},
    "a verb that is none": {"apiGroups": [""], "resources": ["pods"], "verbs": ["read"]},
    "roles": {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["get"]},
    "bindings": {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["create"]},
    "reading secrets": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    "listing secrets": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]},
    "watching secrets": {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["watch"]},
    "writing secrets": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    "tokens": {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]},
    "service accounts": {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create"]},
    "nodes": {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
    "nodes' proxies": {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]},
    "namespaces": {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["delete"]},
    "persistent volumes": {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["create"]},
    "pods past the scheduler": {"apiGroups": [""], "resources": ["pods/binding"], "verbs": ["create"]},
    "bindings of pods": {"apiGroups": [""], "resources": ["bindings"], "verbs": ["create"]},
    "certificates": {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"],
        "verbs": ["get"],
    },
    "reviews of tokens": {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    "reviews of access": {
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["localsubjectaccessreviews"],
        "verbs": ["create"],
    },
    "webhooks": {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "verbs": ["update"],
    },
    "definitions": {
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "verbs": ["create"],
    },
    "API services": {"apiGroups": ["apiregistration.k8s.io"], "resources": ["apiservices"], "verbs": ["create"]},
    "storage": {"apiGroups": ["storage.k8s.io"], "resources": ["csidrivers"], "verbs": ["get"]},
    "the quota": {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["delete"]},
    "the limits": {"apiGroups": [""], "resources": ["limitranges"], "verbs": ["patch"]},
    "the network": {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["delete"]},
    "endpoints": {"apiGroups": [""], "resources": ["endpoints"], "verbs": ["update"]},
    "endpoint slices": {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["create"]},
    "other secrets by the operator": {
        "apiGroups": ["secrets.hashicorp.com"],
        "resources": ["vaultstaticsecrets"],
        "verbs": ["create"],
    },
    "other secrets by the other operator": {
        "apiGroups": ["external-secrets.io"],
        "resources": ["externalsecrets"],
        "verbs": ["patch"],
    },
    "a status": {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
    # These need the grant's own word, which is not there.
    "a shell in pods": {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]},
    "a shell in pods by a GET": {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]},
    "standard input of pods": {"apiGroups": [""], "resources": ["pods/attach"], "verbs": ["create"]},
    "ports of pods": {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["create"]},
    "a container in a running pod": {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["patch"]},
    "a proxy to pods": {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
    "a proxy to services": {"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["create"]},
    "pods of one's own": {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    "other images": {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
    "other jobs": {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    "other cron jobs": {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["update"]},
}
