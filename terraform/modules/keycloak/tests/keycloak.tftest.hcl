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
  mock_resource "aws_rds_cluster" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds", kms_key_id = "", secret_status = "active" }] }
  }
}

variables {
  name                   = "air"
  image                  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/keycloak:26.4.1"
  repository_arns        = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/keycloak"]
  host                   = "auth.example.com"
  cluster_arn            = "arn:aws:ecs:eu-central-1:123456789012:cluster/air"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1", "subnet-2"]
  database_subnet_ids    = ["subnet-3", "subnet-4"]
  edge_security_group_id = "sg-edge"
  target_group_arn       = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/air/2"
  trusted_proxies        = ["10.40.0.0/16"]
  kms_key_arn            = "arn:aws:kms:eu-central-1:123456789012:key/1"
  admin_password         = "sixteen letters."
}

run "keycloak_over_aurora" {
  assert {
    condition     = aws_rds_cluster.this.storage_encrypted && aws_rds_cluster.this.deletion_protection && aws_rds_cluster.this.backup_retention_period == 35
    error_message = "encrypted, protected, backed up"
  }
  assert {
    condition     = one([for each in aws_rds_cluster_parameter_group.this.parameter : each.value if each.name == "rds.force_ssl"]) == "1"
    error_message = "TLS only"
  }
  assert {
    condition = toset([for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.name]) == toset([
      "KC_DB_USERNAME", "KC_DB_PASSWORD", "KC_BOOTSTRAP_ADMIN_PASSWORD",
    ])
    error_message = "secrets come from Secrets Manager"
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "KC_HOSTNAME", value = "https://auth.example.com" })
    error_message = "the issuer is of this host"
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.edge) == ["health", "web"]
    error_message = "the load balancer reaches pages and health checks"
  }
}

run "a_short_password" {
  command = plan
  variables { admin_password = "short" }
  expect_failures = [var.admin_password]
}

run "a_url_is_no_host" {
  command = plan
  variables { host = "https://auth.example.com" }
  expect_failures = [var.host]
}

run "latest_is_no_version" {
  command = plan
  variables { image = "example/keycloak:latest" }
  expect_failures = [var.image]
}

run "capacity_the_wrong_way_round" {
  command = plan
  variables { capacity = { min = 4, max = 1 } }
  expect_failures = [var.capacity]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
}

run "a_password_for_ever" {
  command = plan
  variables { password_days = 0 }
  expect_failures = [var.password_days]
}

run "half_a_version" {
  command = plan
  variables { secrets_version = 1.5 }
  expect_failures = [var.secrets_version]
}

run "everybody_is_no_proxy" {
  command = plan
  variables { trusted_proxies = ["0.0.0.0/0"] }
  expect_failures = [var.trusted_proxies]
}

run "a_repository_by_its_name" {
  command = plan
  variables { repository_arns = ["airegistry/keycloak"] }
  expect_failures = [var.repository_arns]
}
