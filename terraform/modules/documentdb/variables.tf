variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the cluster, in two zones at least."
  type        = list(string)
  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Two zones at least."
  }
}

variable "kms_key_arn" {
  description = "Key of the data, the backups and the logs."
  type        = string
}

variable "engine_version" {
  description = "Version of Amazon DocumentDB."
  type        = string
  default     = "5.0.0"
  validation {
    condition     = can(regex("^5\\.", var.engine_version))
    error_message = "The registry is written for DocumentDB 5."
  }
}

variable "instance_class" {
  description = "Size of each instance."
  type        = string
  default     = "db.r6g.large"
  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "As in db.r6g.large."
  }
}

variable "instance_count" {
  description = "Instances: one writes, the others take over."
  type        = number
  default     = 2
  validation {
    condition     = var.instance_count >= 1 && var.instance_count <= 16
    error_message = "1 to 16 instances."
  }
}

variable "backup_days" {
  description = "Days to which the cluster can be restored, to the second."
  type        = number
  default     = 35
  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "1 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether the cluster cannot be deleted before this is taken away."
  type        = bool
  default     = true
}

variable "final_snapshot" {
  description = "Whether a snapshot is made when the cluster is deleted."
  type        = bool
  default     = true
}

variable "password_days" {
  description = "Days after which AWS changes the password."
  type        = number
  default     = 30
  validation {
    condition     = var.password_days >= 1 && var.password_days <= 365
    error_message = "1 to 365 days."
  }
}

variable "log_days" {
  description = "Days the audit and profiler logs of the database are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}
