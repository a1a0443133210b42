{{- define "aoa.labels" -}}
{{ include "aoa.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "aoa.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "aoa.meta" -}}
name: {{ .Release.Name }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "aoa.labels" . | nindent 2 }}
{{- end }}

{{- define "aoa.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag }}
{{- end -}}
{{- end }}

{{- /* The port of `listen`, whose host may be an IPv6 address in brackets. */ -}}
{{- define "aoa.port" -}}
{{ splitList ":" .Values.settings.listen | last }}
{{- end }}

{{- /* Whether the service's database is elsewhere, for all pods alike. */ -}}
{{- define "aoa.shared" -}}
{{- if or .Values.secrets.database.name (hasPrefix "postgresql" (.Values.settings.database | default "")) -}}yes{{- end -}}
{{- end }}

{{- define "aoa.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "aoa.secretVariable" -}}
- name: {{ .variable }}
  valueFrom: {secretKeyRef: {name: {{ .from.name | quote }}, key: {{ .from.key | quote }}}}
{{- end }}
