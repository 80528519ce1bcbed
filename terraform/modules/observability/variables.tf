variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "kms_key_arn" {
  description = "Key of the alarms' topic and of the log of stopped tasks."
  type        = string
}

variable "emails" {
  description = "Addresses that alarms are sent to; each has to confirm once."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "Addresses, as in oncall@example.com."
  }
}

variable "cluster_name" {
  description = "The ECS cluster."
  type        = string
}

variable "cluster_arn" {
  description = "The ECS cluster."
  type        = string
}

variable "services" {
  description = "ECS services to watch, each with the fewest tasks it should have."
  type        = map(object({ name = string, tasks = number }))
  validation {
    condition     = alltrue([for each in var.services : each.tasks >= 1])
    error_message = "One task at least."
  }
}

variable "load_balancer" {
  description = "The load balancer as metrics name it."
  type        = string
}

variable "target_groups" {
  description = "Its target groups as metrics name them."
  type        = map(string)
}

variable "log_groups" {
  description = "Log groups of the registry: service, and audit where the audit trail is brought to CloudWatch."
  type        = map(string)
  validation {
    condition     = contains(keys(var.log_groups), "service")
    error_message = "There is a log group named service."
  }
}

variable "documentdb" {
  description = "Name of the DocumentDB cluster."
  type        = string
}

variable "aurora" {
  description = "Name of Keycloak's database; null without one."
  type        = string
  default     = null
}

variable "prometheus" {
  description = "Whether there is a workspace of Prometheus for the registry's own figures, with the alerts of observability/alerts."
  type        = bool
  default     = false
}

variable "certificates" {
  description = "Certificates of this region, whose end is watched, by a name for each."
  type        = map(string)
  default     = {}
}

variable "thresholds" {
  description = "Where alarms begin: percent of requests, seconds, percent, or how many in five minutes."
  type = object({
    percent_4xx             = optional(number, 20)
    percent_5xx             = optional(number, 1)
    latency_seconds         = optional(number, 2)
    cpu_percent             = optional(number, 85)
    memory_percent          = optional(number, 85)
    restarts                = optional(number, 2)
    authentication_failures = optional(number, 20)
    denied_calls            = optional(number, 50)
    store_errors            = optional(number, 1)
    certificate_days        = optional(number, 21)
  })
  default = {}
  validation {
    condition     = alltrue([for value in values(var.thresholds) : value > 0])
    error_message = "Every threshold is above 0."
  }
  validation {
    condition     = max(var.thresholds.percent_4xx, var.thresholds.percent_5xx, var.thresholds.cpu_percent, var.thresholds.memory_percent) <= 100
    error_message = "Percent are 100 at most."
  }
}

variable "log_days" {
  description = "Days the log of stopped tasks is kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}
