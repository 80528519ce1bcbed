variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the VPC; subnets are sixteenths of it."
  type        = string
  default     = "10.40.0.0/16"
  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "A network from /16 to /22, as in 10.40.0.0/16."
  }
}

variable "zone_count" {
  description = "Availability zones to spread over."
  type        = number
  default     = 3
  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "Two or three zones: one is no spread, and load balancers need two."
  }
}

variable "nat" {
  description = "NAT gateways, by which the registry calls servers on the internet: none, one, or one per_zone."
  type        = string
  default     = "per_zone"
  validation {
    condition     = contains(["none", "one", "per_zone"], var.nat)
    error_message = "none, one or per_zone."
  }
}

variable "endpoints" {
  description = "AWS services that are reached inside the VPC, by interface endpoints."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "kms", "aps-workspaces", "xray"]
  validation {
    condition     = alltrue([for each in var.endpoints : can(regex("^[a-z0-9.-]+$", each))])
    error_message = "Names of services, as in ecr.api."
  }
}

variable "kms_key_arn" {
  description = "Key of the flow logs."
  type        = string
}

variable "log_days" {
  description = "Days flow logs are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}
