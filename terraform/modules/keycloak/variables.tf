variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "image" {
  description = "Keycloak's image, by digest or by a tag that never moves; one's own copy in ECR."
  type        = string
  validation {
    condition     = can(regex("(@sha256:[0-9a-f]{64}|:[^:@/]+)$", var.image)) && !endswith(var.image, ":latest")
    error_message = "As in …/keycloak@sha256:… or …/keycloak:26.4.1; latest is no version."
  }
}

variable "repository_arns" {
  description = "ECR repositories that it is pulled from."
  type        = list(string)
  validation {
    condition     = alltrue([for arn in var.repository_arns : can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "ARNs of repositories of ECR."
  }
}

variable "host" {
  description = "Host that people reach it at, as in auth.example.com."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.host))
    error_message = "A host in small letters."
  }
}

variable "cluster_arn" {
  description = "ECS cluster of its tasks."
  type        = string
}

variable "vpc_id" {
  description = "VPC of tasks and database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the tasks."
  type        = list(string)
}

variable "database_subnet_ids" {
  description = "Subnets of the database, in two zones at least."
  type        = list(string)
  validation {
    condition     = length(var.database_subnet_ids) >= 2
    error_message = "Two zones at least."
  }
}

variable "edge_security_group_id" {
  description = "Group of the load balancer."
  type        = string
}

variable "target_group_arn" {
  description = "Target group of Keycloak."
  type        = string
}

variable "trusted_proxies" {
  description = "Networks in front, whose X-Forwarded-* are believed."
  type        = list(string)
  validation {
    condition     = alltrue([for cidr in var.trusted_proxies : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "Networks, as in 10.40.0.0/16, and not everybody."
  }
}

variable "kms_key_arn" {
  description = "Key of database, secrets and logs."
  type        = string
}

variable "admin_password" {
  description = "Password of the first administrator, `setup`, who is to be removed after the set-up. Kept in no state and no plan."
  type        = string
  ephemeral   = true
  sensitive   = true
  validation {
    condition     = length(var.admin_password) >= 16
    error_message = "16 characters at least."
  }
}

variable "secrets_version" {
  description = "To be raised whenever admin_password changes."
  type        = number
  default     = 1
  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "A whole number, 1 at least."
  }
}

variable "task_count" {
  description = "Tasks of Keycloak."
  type        = number
  default     = 2
  validation {
    condition     = var.task_count >= 1 && var.task_count <= 10
    error_message = "1 to 10 tasks."
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
  description = "MiB of a task."
  type        = number
  default     = 2048
  validation {
    condition     = var.memory >= 1024 && var.memory % 1024 == 0 && var.memory <= 8 * var.cpu
    error_message = "Whole GiB that Fargate gives with this CPU: 1024 at least, 8 MiB a unit at most."
  }
}

variable "engine_version" {
  description = "Version of Aurora PostgreSQL."
  type        = string
  default     = "16.8"
  validation {
    condition     = can(regex("^1[4-7]\\.[0-9]+$", var.engine_version))
    error_message = "14 to 17, with the minor version."
  }
}

variable "capacity" {
  description = "Least and most Aurora capacity units."
  type        = object({ min = number, max = number })
  default     = { min = 0.5, max = 4 }
  validation {
    condition     = var.capacity.min >= 0.5 && var.capacity.max <= 256 && var.capacity.max >= var.capacity.min
    error_message = "0.5 to 256."
  }
}

variable "instance_count" {
  description = "Instances of the database: one writes, the others take over."
  type        = number
  default     = 2
  validation {
    condition     = var.instance_count >= 1 && var.instance_count <= 15
    error_message = "1 to 15 instances."
  }
}

variable "backup_days" {
  description = "Days to which the database can be restored."
  type        = number
  default     = 35
  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "1 to 35 days."
  }
}

variable "password_days" {
  description = "Days after which AWS changes the database's password."
  type        = number
  default     = 30
  validation {
    condition     = var.password_days >= 1 && var.password_days <= 365
    error_message = "1 to 365 days."
  }
}

variable "deletion_protection" {
  description = "Whether the database cannot be deleted before this is taken away."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "Days logs are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}
