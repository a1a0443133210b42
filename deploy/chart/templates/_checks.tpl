{{- /* What no schema can say. Each message says what is wrong and what to do. */ -}}
{{- define "aoa.checks" -}}
{{- $values := .Values -}}
{{- $url := $values.settings.publicUrl | default "" -}}
{{- $host := $values.settings.listen | splitList ":" | initial | join ":" -}}
{{- if not $values.image.repository }}{{ fail "image.repository: say where the image is that was built from deploy/Containerfile" }}{{ end -}}
{{- if not (or $values.image.tag $values.image.digest) }}{{ fail "image: say a tag or a digest" }}{{ end -}}
{{- if has $host (list "127.0.0.1" "localhost" "[::1]" "") }}{{ fail "settings.listen: probes and the Service reach a pod by its address; say 0.0.0.0:8440" }}{{ end -}}
{{- if not $url }}{{ fail "settings.publicUrl: the service listens beyond its pod, so say the https:// address of what does TLS before it" }}{{ end -}}
{{- if not (hasPrefix "https://" $url) }}{{ fail "settings.publicUrl: has to begin with https://, because tokens travel to it" }}{{ end -}}
{{- if and (not $values.settings.login) (not $values.secrets.settings.name) }}{{ fail "settings.login: say the issuer and the audience of the tokens that count" }}{{ end -}}
{{- if and $values.secrets.settings.name (gt (len (omit $values.settings "listen" "publicUrl")) 0) }}{{ fail "settings: secrets.settings holds the settings file, so only listen and publicUrl are repeated here" }}{{ end -}}
{{- if and (gt (int $values.replicas) 1) (not (include "aoa.shared" .)) }}{{ fail "replicas: more than one pod needs a PostgreSQL for all of them; name its Secret in secrets.database, or say replicas: 1" }}{{ end -}}
{{- if hasPrefix "sqlite" ($values.settings.database | default "") }}{{ fail "settings.database: leave it out; the chart keeps the SQLite file on its volume" }}{{ end -}}
{{- if and (not $values.secrets.kubeconfig.name) (not $values.kubeconfig.configMap.name) }}{{ fail "secrets.kubeconfig: name the Secret with the kubeconfig, or a ConfigMap in kubeconfig.configMap where it holds no credentials" }}{{ end -}}
{{- if and $values.secrets.kubeconfig.name $values.kubeconfig.configMap.name }}{{ fail "kubeconfig: say secrets.kubeconfig or kubeconfig.configMap, not both" }}{{ end -}}
{{- $login := $values.vault.login -}}
{{- if $login.image -}}
{{- if not (and $login.mount $login.role $login.audience $values.vault.address) }}{{ fail "vault.login: also say mount, role and audience, and vault.address" }}{{ end -}}
{{- if $values.secrets.vaultToken.name }}{{ fail "vault: say vault.login or secrets.vaultToken, not both" }}{{ end -}}
{{- else if not $values.secrets.vaultToken.name }}{{ fail "vault.login: say how the service gets its Vault token: a login, or the Secret in secrets.vaultToken" }}{{ end -}}
{{- if and $values.ingress.enabled (not $values.ingress.tlsSecret) }}{{ fail "ingress.tlsSecret: name the Secret of the certificate; tokens do not travel without TLS" }}{{ end -}}
{{- range $token := $values.tokens }}{{ if and (eq $token.name "vault") $login.image }}{{ fail "tokens: the one called vault is that of vault.login" }}{{ end }}{{ end -}}
{{- end }}
