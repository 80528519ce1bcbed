# One customer managed key for what an environment keeps: database, secrets, logs, alarms.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  region = coalesce(var.region, data.aws_region.current.region)
  # Services that encrypt for the account itself; everybody else needs a grant by IAM.
  services = {
    "logs.${local.region}.amazonaws.com" = {
      ArnLike = {
        "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${local.region}:${data.aws_caller_identity.current.account_id}:*"
      }
    }
    "cloudwatch.amazonaws.com" = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    "aps.amazonaws.com"        = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    "events.amazonaws.com"     = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
  }
}

resource "aws_kms_key" "this" {
  region                  = local.region
  description             = "${var.name}: everything this environment keeps"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_days
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "AccountDecidesByIam"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      [for service, condition in local.services : {
        Sid       = "Use${replace(title(split(".", service)[0]), "-", "")}"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = condition
      }],
    )
  })
}

resource "aws_kms_alias" "this" {
  region        = local.region
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
