# The shared store of the registry's replicas: TLS only, encrypted, backed up, its password kept and changed by AWS.

locals {
  exported = ["audit", "profiler"]
}

resource "aws_docdb_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-documentdb"
  description = "DocumentDB; who may come in says each module that uses it"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-documentdb" }
}

resource "aws_docdb_cluster_parameter_group" "this" {
  name        = var.name
  family      = "docdb${join(".", slice(split(".", var.engine_version), 0, 2))}"
  description = "TLS only, audited"

  parameter {
    name  = "tls"
    value = "tls1.2+"
  }
  parameter {
    name  = "audit_logs"
    value = "enabled"
  }
  parameter {
    name  = "profiler"
    value = "enabled"
  }
  parameter {
    name  = "profiler_threshold_ms"
    value = "200"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:365 days unless an environment says otherwise
  for_each          = toset(local.exported)
  name              = "/aws/docdb/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_docdb_cluster" "this" {
  cluster_identifier              = var.name
  engine                          = "docdb"
  engine_version                  = var.engine_version
  port                            = 27017
  master_username                 = "airegistry"
  manage_master_user_password     = true
  db_subnet_group_name            = aws_docdb_subnet_group.this.name
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.this.name
  vpc_security_group_ids          = [aws_security_group.this.id]
  storage_encrypted               = true
  kms_key_id                      = var.kms_key_arn
  backup_retention_period         = var.backup_days
  preferred_backup_window         = "01:00-02:00"
  preferred_maintenance_window    = "sun:03:00-sun:04:00"
  enabled_cloudwatch_logs_exports = local.exported
  deletion_protection             = var.deletion_protection
  skip_final_snapshot             = !var.final_snapshot
  final_snapshot_identifier       = var.final_snapshot ? "${var.name}-final" : null
  depends_on                      = [aws_cloudwatch_log_group.this]
}

resource "aws_docdb_cluster_instance" "this" {
  count                        = var.instance_count
  identifier                   = "${var.name}-${count.index}"
  cluster_identifier           = aws_docdb_cluster.this.id
  instance_class               = var.instance_class
  ca_cert_identifier           = "rds-ca-rsa2048-g1"
  auto_minor_version_upgrade   = true
  enable_performance_insights  = false
  preferred_maintenance_window = "sun:03:00-sun:04:00"
}

resource "aws_secretsmanager_secret_rotation" "password" {
  secret_id          = aws_docdb_cluster.this.master_user_secret[0].secret_arn
  rotate_immediately = false
  rotation_rules {
    automatically_after_days = var.password_days
  }
}
