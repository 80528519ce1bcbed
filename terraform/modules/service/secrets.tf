# Secrets of the registry itself. Their values are written and never read: no state and no plan holds them.

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:sealing keys change in three steps that restart the replicas (docs/mongodb.md); the password is read once
  for_each                = toset(["secret-key", "admin-password"])
  name                    = "${var.name}/${each.key}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "secret_key" {
  secret_id                = aws_secretsmanager_secret.this["secret-key"].id
  secret_string_wo         = var.secret_key
  secret_string_wo_version = var.secrets_version
}

resource "aws_secretsmanager_secret_version" "admin_password" {
  count                    = var.first_start ? 1 : 0
  secret_id                = aws_secretsmanager_secret.this["admin-password"].id
  secret_string_wo         = var.admin_password
  secret_string_wo_version = var.secrets_version
}

resource "aws_ssm_parameter" "database_ca" {
  name        = "/${var.name}/database-ca"
  description = "Who signs the database's certificates"
  type        = "SecureString"
  tier        = "Advanced"
  key_id      = var.kms_key_arn
  value       = var.database_ca
}
