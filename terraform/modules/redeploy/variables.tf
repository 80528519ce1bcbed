variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,32}$", var.name))
    error_message = "A name has 2 to 33 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "secret_arn" {
  description = "Secret with the password, which AWS changes."
  type        = string
}

variable "cluster_arn" {
  description = "ECS cluster of the tasks."
  type        = string
}

variable "service" {
  description = "ECS service of the tasks."
  type        = object({ name = string, arn = string })
}
