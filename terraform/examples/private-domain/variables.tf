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

variable "cidr" {
  description = "Addresses of the VPC, which overlap with nothing it is connected to."
  type        = string
  default     = "10.40.0.0/16"
}

variable "domain" {
  description = "Host of the registry, as in registry.internal.example.com."
  type        = string
}

variable "zone_id" {
  description = "Public Route 53 zone of that domain, in which the certificate is proven. Nothing else is in it."
  type        = string
}

variable "allowed_cidrs" {
  description = "Networks beyond the VPC whose clients may connect, as the company's."
  type        = list(string)
  default     = []
}

variable "egress_allow" {
  description = "Private hosts and networks that the registry may call: AIREGISTRY_EGRESS_ALLOW."
  type        = list(string)
  default     = []
}

variable "egress_ports" {
  description = "Ports at which the registry may call anybody; 443 is AWS's too."
  type        = set(number)
  default     = [443]
}
