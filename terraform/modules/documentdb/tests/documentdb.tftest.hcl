mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_docdb_cluster" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:docdb", kms_key_id = "", secret_status = "active" }] }
  }
}

variables {
  name        = "air"
  vpc_id      = "vpc-1"
  subnet_ids  = ["subnet-1", "subnet-2"]
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "encrypted_backed_up_and_protected" {
  assert {
    condition     = aws_docdb_cluster.this.storage_encrypted && aws_docdb_cluster.this.kms_key_id == var.kms_key_arn
    error_message = "the data is sealed with the environment's key"
  }
  assert {
    condition     = aws_docdb_cluster.this.backup_retention_period == 35 && aws_docdb_cluster.this.deletion_protection && !aws_docdb_cluster.this.skip_final_snapshot
    error_message = "nothing is lost by mistake"
  }
  assert {
    condition     = aws_docdb_cluster.this.manage_master_user_password
    error_message = "AWS makes and keeps the password"
  }
  assert {
    condition     = aws_secretsmanager_secret_rotation.password.rotation_rules[0].automatically_after_days == 30
    error_message = "the password changes"
  }
  assert {
    condition     = one([for each in aws_docdb_cluster_parameter_group.this.parameter : each.value if each.name == "tls"]) == "tls1.2+"
    error_message = "TLS 1.2 at least"
  }
  assert {
    condition     = aws_docdb_cluster_parameter_group.this.family == "docdb5.0" && length(aws_docdb_cluster_instance.this) == 2
    error_message = "two instances of version 5"
  }
  assert {
    condition     = output.store.port == 27017 && output.store.secret_arn == "arn:aws:secretsmanager:eu-central-1:123456789012:secret:docdb"
    error_message = "what the service takes"
  }
}

run "a_final_snapshot_is_left_away_where_asked_for" {
  command = plan
  variables {
    final_snapshot      = false
    deletion_protection = false
  }
  assert {
    condition     = aws_docdb_cluster.this.skip_final_snapshot && !aws_docdb_cluster.this.deletion_protection
    error_message = "it goes without a trace"
  }
}

run "one_zone_is_too_few" {
  command = plan
  variables { subnet_ids = ["subnet-1"] }
  expect_failures = [var.subnet_ids]
}

run "backups_are_kept_a_day_at_least" {
  command = plan
  variables { backup_days = 0 }
  expect_failures = [var.backup_days]
}

run "no_older_engine" {
  command = plan
  variables { engine_version = "4.0.0" }
  expect_failures = [var.engine_version]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
}
