variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "airegistry"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name))
    error_message = "A name has 2 to 24 of a-z, 0-9 and -, and begins with a letter."
  }
}

variable "region" {
  description = "Region of state and images."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "As in eu-central-1."
  }
}

variable "repositories" {
  description = "Images that are kept: the registry's, and one's own copies of others'."
  type        = set(string)
  default     = ["airegistry", "keycloak", "otel-collector"]
  validation {
    condition     = contains(var.repositories, "airegistry") && alltrue([for each in var.repositories : can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", each))])
    error_message = "Names as ECR has them, airegistry among them."
  }
}

variable "kept_images" {
  description = "Newest images of each repository that are kept."
  type        = number
  default     = 50
  validation {
    condition     = var.kept_images >= 5
    error_message = "5 at least: what is rolled back to has to be there."
  }
}
