variable "region" {
  description = "Region of everything but CloudFront, whose parts are in us-east-1."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "As in eu-central-1."
  }
}

variable "name" {
  description = "Prefix of every name, another one in each environment."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "image" {
  description = "The registry's image, by digest or by a tag that never moves."
  type        = string
}

variable "repository_arns" {
  description = "ECR repositories that images are pulled from: output of bootstrap."
  type        = list(string)
}

variable "database_ca_file" {
  description = "File with the region's certificates of Amazon RDS, REGION-bundle.pem."
  type        = string
  validation {
    condition     = fileexists(var.database_ca_file)
    error_message = "There is no such file: docs/deploy-aws.md says where it comes from."
  }
}

variable "secret_key" {
  description = "AIREGISTRY_SECRET_KEY, by TF_VAR_secret_key. Kept in no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "admin_password" {
  description = "Password of the user `admin`, with first_start, by TF_VAR_admin_password. Kept in no state and no plan."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "first_start" {
  description = "Whether tasks are told the password of `admin`: until somebody logged in and changed it."
  type        = bool
  default     = false
}

variable "secrets_version" {
  description = "To be raised whenever a secret changes."
  type        = number
  default     = 1
}

variable "collector_image" {
  description = "OpenTelemetry Collector (contrib) that brings the audit trail to CloudWatch Logs; null for none."
  type        = string
  default     = null
}

variable "alarm_emails" {
  description = "Addresses that alarms are sent to; each has to confirm once."
  type        = set(string)
  default     = []
}

variable "stage" {
  description = "The environment: dev, staging or production. Only production is protected against deletion."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "production"], var.stage)
    error_message = "dev, staging or production."
  }
}

variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.40.0.0/16"
}

variable "nat" {
  description = "NAT gateways: none, one or per_zone."
  type        = string
  default     = "per_zone"
}

variable "domain" {
  description = "Host of the registry, as in registry.example.com."
  type        = string
}

variable "keycloak_domain" {
  description = "Host of Keycloak, as in auth.example.com."
  type        = string
  validation {
    condition     = var.keycloak_domain != var.domain
    error_message = "Keycloak has a host of its own."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone of both."
  type        = string
}

variable "keycloak_image" {
  description = "Keycloak's image, by digest or by a tag that never moves."
  type        = string
}

variable "keycloak_admin_password" {
  description = "Password of Keycloak's first administrator, by TF_VAR_keycloak_admin_password. Kept in no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "keycloak_tasks" {
  description = "Tasks of Keycloak."
  type        = number
  default     = 2
}

variable "keycloak_database_instances" {
  description = "Instances of Keycloak's database."
  type        = number
  default     = 2
}

variable "rate_limit" {
  description = "Requests that one address may send in five minutes."
  type        = number
  default     = 10000
}

variable "blocked_ips" {
  description = "Networks that get no answer."
  type        = set(string)
  default     = []
}

variable "allowed_ips" {
  description = "Networks that alone get an answer; empty is everybody."
  type        = set(string)
  default     = []
}

variable "blocked_countries" {
  description = "Countries (ISO 3166, two letters) that get no answer."
  type        = set(string)
  default     = []
}

variable "price_class" {
  description = "From where CloudFront answers."
  type        = string
  default     = "PriceClass_100"
}

variable "database_instance_class" {
  description = "Size of each instance of DocumentDB."
  type        = string
  default     = "db.r6g.large"
}

variable "database_instances" {
  description = "Instances of DocumentDB."
  type        = number
  default     = 3
}

variable "backup_days" {
  description = "Days to which databases can be restored."
  type        = number
  default     = 35
}

variable "settings" {
  description = "More settings of the registry, by name."
  type        = map(string)
  default     = {}
}

variable "secret_settings" {
  description = "More settings that are secret, by name: the ARN of a secret each."
  type        = map(string)
  default     = {}
}

variable "egress_allow" {
  description = "Private hosts and networks that the registry may call: AIREGISTRY_EGRESS_ALLOW."
  type        = list(string)
  default     = []
}

variable "cpu" {
  description = "CPU units of a task of the registry."
  type        = number
  default     = 1024
}

variable "memory" {
  description = "MiB of a task of the registry."
  type        = number
  default     = 2048
}

variable "tasks" {
  description = "Fewest and most tasks of the registry."
  type        = object({ min = number, max = number })
  default     = { min = 3, max = 12 }
}

variable "alarm_thresholds" {
  description = "Where alarms begin, as the observability module has them."
  type        = map(number)
  default     = {}
  validation {
    condition = alltrue([for name in keys(var.alarm_thresholds) : contains([
      "percent_4xx", "percent_5xx", "latency_seconds", "cpu_percent",
      "memory_percent", "restarts", "authentication_failures", "denied_calls",
      "store_errors", "certificate_days",
    ], name)])
    error_message = "A name that the observability module knows, as in percent_5xx."
  }
}

variable "log_days" {
  description = "Days logs are kept."
  type        = number
  default     = 365
}

variable "egress_ports" {
  description = "Ports at which the registry may call anybody; 443 is AWS's too."
  type        = set(number)
  default     = [443]
}
