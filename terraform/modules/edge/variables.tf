variable "name" {
  description = "Prefix of every name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "exposure" {
  description = "How clients come in: by cloudfront to an internal load balancer, from the internet to a public one, or internal."
  type        = string
  validation {
    condition     = contains(["cloudfront", "internet", "internal"], var.exposure)
    error_message = "cloudfront, internet or internal."
  }
}

variable "vpc_id" {
  description = "VPC of the load balancer."
  type        = string
}

variable "cidr" {
  description = "Addresses of that VPC."
  type        = string
  validation {
    condition     = can(cidrnetmask(var.cidr))
    error_message = "A network, as in 10.40.0.0/16."
  }
}

variable "public_subnet_ids" {
  description = "Subnets of a load balancer on the internet."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Subnets of an internal load balancer."
  type        = list(string)
}

variable "targets" {
  description = "What is behind it: `registry`, which answers every host, and others by their `host`."
  type = map(object({
    port        = number
    health_path = string
    health_port = optional(string, "traffic-port")
    host        = optional(string)
  }))
  validation {
    condition     = contains(keys(var.targets), "registry")
    error_message = "There is a target named registry."
  }
  validation {
    condition     = alltrue([for name, target in var.targets : name == "registry" || target.host != null])
    error_message = "Every target but registry has a host."
  }
  validation {
    condition     = alltrue([for target in var.targets : startswith(target.health_path, "/")])
    error_message = "A health path begins with /."
  }
}

variable "domain" {
  description = "Host of the registry; null leaves it to CloudFront's own name."
  type        = string
  default     = null
  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A host in small letters, as in registry.example.com."
  }
  validation {
    condition     = var.domain != null || var.exposure == "cloudfront"
    error_message = "Without CloudFront a domain is needed: certificates are for names."
  }
  validation {
    condition     = var.domain != null || alltrue([for target in var.targets : target.host == null])
    error_message = "Targets have hosts only where the registry has a domain."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone: of the certificates' proofs, and of the names unless they are internal."
  type        = string
  default     = null
  validation {
    condition     = (var.domain == null) == (var.zone_id == null)
    error_message = "A domain has a zone, and a zone a domain."
  }
  validation {
    condition     = var.zone_id == null || can(regex("^Z[A-Z0-9]*$", var.zone_id))
    error_message = "A zone as Route 53 names it, as in Z1D633PJN98FT9."
  }
}

variable "private_zone_id" {
  description = "Private Route 53 zone of the names of an internal load balancer; null is the public one."
  type        = string
  default     = null
}

variable "allowed_cidrs" {
  description = "Who may connect to a load balancer that CloudFront is not in front of."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Networks, as in 10.0.0.0/8."
  }
}

variable "kms_key_arn" {
  description = "Key of the WAF's log, in us-east-1 with CloudFront, else in the region."
  type        = string
}

variable "rate_limit" {
  description = "Requests that one address may send in five minutes."
  type        = number
  default     = 10000
  validation {
    condition     = var.rate_limit >= 10 && var.rate_limit <= 2000000000
    error_message = "10 to 2,000,000,000."
  }
}

variable "blocked_ips" {
  description = "Networks that get no answer."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.blocked_ips : can(cidrnetmask(cidr))])
    error_message = "Networks of IPv4, as in 192.0.2.0/24."
  }
}

variable "allowed_ips" {
  description = "Networks that alone get an answer; empty is everybody."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for cidr in var.allowed_ips : can(cidrnetmask(cidr))])
    error_message = "Networks of IPv4, as in 192.0.2.0/24."
  }
}

variable "blocked_countries" {
  description = "Countries (ISO 3166, two letters) that get no answer."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for country in var.blocked_countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "Two capital letters, as in KP."
  }
}

variable "idle_seconds" {
  description = "Seconds the load balancer lets a stream be silent."
  type        = number
  default     = 330
  validation {
    condition     = var.idle_seconds >= 60 && var.idle_seconds <= 4000
    error_message = "60 to 4000: what the registry lets be silent (AIREGISTRY_IDLE_TIMEOUT, 300) and more."
  }
}

variable "origin_read_seconds" {
  description = "Seconds CloudFront waits for the next bytes; beyond 60 the account's quota has to be raised first."
  type        = number
  default     = 60
  validation {
    condition     = var.origin_read_seconds >= 1 && var.origin_read_seconds <= 180
    error_message = "1 to 180."
  }
}

variable "price_class" {
  description = "From where CloudFront answers."
  type        = string
  default     = "PriceClass_100"
  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "log_days" {
  description = "Days access logs and the WAF's log are kept."
  type        = number
  default     = 365
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "What CloudWatch Logs knows: 30, 90, 365, 731 or 3653, for instance."
  }
}

variable "deletion_protection" {
  description = "Whether the load balancer cannot be deleted before this is taken away."
  type        = bool
  default     = true
}
