variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "image" {
  description = "The registry's image, by digest or by a tag that never moves."
  type        = string
  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[^:@/]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "As in …/airegistry@sha256:… or …/airegistry:1.2.3; latest is no version."
  }
}

variable "architecture" {
  description = "Processor that the image is built for."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "X86_64 or ARM64."
  }
}

variable "repository_arns" {
  description = "ECR repositories that images are pulled from."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.repository_arns : can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "ARNs of repositories of ECR."
  }
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the tasks."
  type        = list(string)
}

variable "edge_security_group_id" {
  description = "Group of the load balancer."
  type        = string
}

variable "target_group_arn" {
  description = "Target group of the registry."
  type        = string
}

variable "request_label" {
  description = "Load balancer and target group as metrics name them: LOAD_BALANCER/TARGET_GROUP."
  type        = string
}

variable "public_url" {
  description = "Where clients reach the registry."
  type        = string
  validation {
    condition     = startswith(var.public_url, "https://") && !endswith(var.public_url, "/")
    error_message = "https://HOST, without a slash at the end."
  }
}

variable "trusted_proxies" {
  description = "Networks in front, whose X-Forwarded-For is believed."
  type        = list(string)
  validation {
    condition     = alltrue([for cidr in var.trusted_proxies : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Networks, as in 10.40.0.0/16, and not everybody."
  }
}

variable "stage" {
  description = "Environment whose assets callers see: AIREGISTRY_ENVIRONMENT."
  type        = string
  validation {
    condition     = contains(["dev", "staging", "production"], var.stage)
    error_message = "dev, staging or production."
  }
}

variable "store" {
  description = "The database: output `store` of the documentdb module."
  type = object({
    endpoint          = string
    port              = number
    secret_arn        = string
    security_group_id = string
  })
}

variable "database_ca" {
  description = "Certificates that sign the database's own: the region's bundle of Amazon RDS, as PEM."
  type        = string
  validation {
    condition     = strcontains(var.database_ca, "-----BEGIN CERTIFICATE-----")
    error_message = "PEM, as in REGION-bundle.pem."
  }
  validation {
    condition     = length(var.database_ca) <= 8192
    error_message = "8 KiB at most, which the bundle of one region keeps and the global one does not."
  }
}

variable "kms_key_arn" {
  description = "Key of secrets and logs."
  type        = string
}

variable "secret_key" {
  description = "AIREGISTRY_SECRET_KEY: one or two keys that seal secrets in the database. Kept in no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{43}=(,[A-Za-z0-9_-]{43}=)*$", var.secret_key))
    error_message = "32 bytes in URL-safe base64: openssl rand -base64 32 | tr '+/' '-_'."
  }
}

variable "admin_password" {
  description = "Password of the user `admin`, with first_start. Kept in no state and no plan."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
  validation {
    condition     = var.first_start == (var.admin_password != null)
    error_message = "The first start, and no other, has a password."
  }
  validation {
    condition     = var.admin_password == null || length(coalesce(var.admin_password, "-")) >= 16
    error_message = "16 characters at least."
  }
}

variable "first_start" {
  description = "Whether tasks are told the password of `admin`: until somebody logged in and changed it."
  type        = bool
  default     = false
}

variable "secrets_version" {
  description = "To be raised whenever secret_key or admin_password changes."
  type        = number
  default     = 1
  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "A whole number, 1 at least."
  }
}

variable "settings" {
  description = "More settings of the registry, by name; secrets go to `secret_settings`."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name, value in var.settings : startswith(name, "AIREGISTRY_")])
    error_message = "Settings of the registry begin with AIREGISTRY_."
  }
  validation {
    condition     = alltrue([for name, value in var.settings : !can(regex("_(KEY|TOKEN|TOKENS|PASSWORD|SECRET)$", name))])
    error_message = "A secret has no place here: name it in secret_settings."
  }
  validation {
    condition     = !contains(keys(var.settings), "AIREGISTRY_EGRESS_ALLOW")
    error_message = "AIREGISTRY_EGRESS_ALLOW is the variable egress_allow."
  }
}

variable "egress_allow" {
  description = "Private hosts and networks that the registry may call: AIREGISTRY_EGRESS_ALLOW."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for each in var.egress_allow : can(regex("^[A-Za-z0-9.:_/\\[\\]-]+$", each)) && !endswith(each, "/0")])
    error_message = "Hosts, host:port or networks, as in 10.0.3.7:9000, and not everybody."
  }
}

variable "secret_settings" {
  description = "More settings that are secret, by name: the ARN of a secret each."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for arn in var.secret_settings : can(regex("^arn:[a-z-]+:secretsmanager:[^:]+:[0-9]+:secret:[^:]+", arn))])
    error_message = "ARNs of Secrets Manager."
  }
}

variable "egress_ports" {
  description = "Ports at which the registry may call anybody; 443 is AWS's too."
  type        = set(number)
  default     = [443]
  validation {
    condition     = contains(var.egress_ports, 443) && alltrue([for port in var.egress_ports : port >= 1 && port <= 65535])
    error_message = "Ports, 443 among them."
  }
}

variable "cpu" {
  description = "CPU units of a task: 1024 is one processor."
  type        = number
  default     = 1024
  validation {
    condition     = contains([512, 1024, 2048, 4096], var.cpu)
    error_message = "512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "MiB of a task; the registry takes about 200 when idle, and more with what the catalog holds."
  type        = number
  default     = 2048
  validation {
    condition     = var.memory >= 1024 && var.memory % 1024 == 0 && var.memory <= 8 * var.cpu
    error_message = "Whole GiB that Fargate gives with this CPU: 1024 at least, 8 MiB a unit at most."
  }
}

variable "tasks" {
  description = "Fewest and most tasks."
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 8 }
  validation {
    condition     = var.tasks.min >= 1 && var.tasks.max >= var.tasks.min
    error_message = "One at least, and no fewer at most than at least."
  }
}

variable "scale_at" {
  description = "What tasks are added beyond: percent of CPU and memory, requests to one task in a minute."
  type        = object({ cpu = number, memory = number, requests = number })
  default     = { cpu = 60, memory = 70, requests = 3000 }
  validation {
    condition     = min(var.scale_at.cpu, var.scale_at.memory) >= 20 && max(var.scale_at.cpu, var.scale_at.memory) <= 90 && var.scale_at.requests >= 1
    error_message = "20 to 90 percent, one request at least."
  }
}

variable "shutdown_seconds" {
  description = "Seconds that running calls have to finish when a task is stopped."
  type        = number
  default     = 25
  validation {
    condition     = var.shutdown_seconds >= 0 && var.shutdown_seconds <= 100
    error_message = "0 to 100: Fargate kills after 120."
  }
}

variable "collector_image" {
  description = "OpenTelemetry Collector (contrib) that brings the audit trail to CloudWatch Logs, and figures and traces to where they are kept; null for none."
  type        = string
  default     = null
  validation {
    condition     = var.collector_image == null || (can(regex("(@sha256:[0-9a-f]{64}|:[^:@/]+)$", var.collector_image)) && !endswith(coalesce(var.collector_image, "none"), ":latest"))
    error_message = "By digest or by a tag that never moves."
  }
}

variable "prometheus" {
  description = "Workspace of Prometheus that the collector writes the registry's figures to, traces go to X-Ray with them; null: neither is made."
  type        = object({ arn = string, remote_write_url = string })
  default     = null
  validation {
    condition     = var.prometheus == null || var.collector_image != null
    error_message = "Figures are written by the collector: collector_image."
  }
}

variable "shell" {
  description = "Whether operators may open a shell in a task (ECS Exec), which is logged."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "Days logs and the copy of the audit trail are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}
