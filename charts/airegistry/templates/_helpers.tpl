{{- define "airegistry.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "airegistry.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: registry
{{- end }}

{{- define "airegistry.labels" -}}
{{ include "airegistry.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "airegistry.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "airegistry.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "airegistry.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* The Secret that is mounted; empty when there is none. */}}
{{- define "airegistry.secret" -}}
{{- if .Values.secret.existing }}{{ .Values.secret.existing }}{{ else if or .Values.secret.external.enabled .Values.secret.values }}{{ include "airegistry.name" . }}{{ end }}
{{- end }}

{{- define "airegistry.storeUrl" -}}
{{- if .Values.store.url }}{{ .Values.store.url }}{{ else if .Values.mongodb.enabled }}mongodb://{{ .Release.Name }}-mongodb:27017/airegistry?authSource=airegistry&directConnection=true{{ end }}
{{- end }}

{{- define "airegistry.egressAllow" -}}
{{- $hosts := .Values.egressAllow -}}
{{- if .Values.collector.enabled }}{{ $hosts = append $hosts (printf "%s-collector:4318" (include "airegistry.name" .)) }}{{ end -}}
{{- join "," $hosts -}}
{{- end }}

{{- define "airegistry.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What a schema cannot say. */}}
{{- define "airegistry.check" -}}
{{- $many := or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}
{{- $secrets := list (ne .Values.secret.existing "") .Values.secret.external.enabled (gt (len .Values.secret.values) 0) -}}
{{- if and (eq .Values.store.kind "folder") $many }}{{ fail "store.kind is folder: one replica works on a folder; several need store.kind=database" }}{{ end -}}
{{- if and (eq .Values.store.kind "folder") .Values.mongodb.enabled }}{{ fail "mongodb.enabled needs store.kind=database" }}{{ end -}}
{{- if and (eq .Values.store.kind "database") (not (include "airegistry.storeUrl" .)) }}{{ fail "store.kind is database: store.url is needed, or mongodb.enabled" }}{{ end -}}
{{- if and (eq .Values.store.kind "database") (not (include "airegistry.secret" .)) }}{{ fail "store.kind is database: a secret with AIREGISTRY_SECRET_KEY is needed" }}{{ end -}}
{{- if gt (len (without $secrets false)) 1 }}{{ fail "secret: only one of existing, values and external" }}{{ end -}}
{{- if and .Values.ingress.enabled .Values.gateway.enabled }}{{ fail "ingress or gateway, not both" }}{{ end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.collector.enabled) }}{{ fail "serviceMonitor.enabled needs collector.enabled: it is the collector that Prometheus reads" }}{{ end -}}
{{- end }}
