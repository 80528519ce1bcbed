terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # Bucket, key and region are of the environment: terraform init -backend-config=environments/NAME.s3.tfbackend
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
