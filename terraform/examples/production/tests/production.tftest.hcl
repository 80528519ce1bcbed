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
  mock_resource "aws_rds_cluster" {
    defaults = { master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds", kms_key_id = "", secret_status = "active" }] }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { domain_name = "d1.cloudfront.net" }
  }
}

variables {
  name                    = "air"
  region                  = "eu-central-1"
  image                   = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/airegistry:1.2.3"
  collector_image         = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/otel-collector:0.130.0"
  repository_arns         = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/airegistry"]
  database_ca_file        = "../ca.test.pem"
  secret_key              = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
  admin_password          = "sixteen letters."
  first_start             = true
  stage                   = "production"
  domain                  = "registry.example.com"
  keycloak_domain         = "auth.example.com"
  zone_id                 = "Z1"
  keycloak_image          = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/keycloak:26.4.1"
  keycloak_admin_password = "sixteen letters."
}

run "composed" {
  command = plan
  assert {
    condition     = output.url == "https://registry.example.com" && output.keycloak_url == "https://auth.example.com"
    error_message = "two names"
  }
}

run "another_stage" {
  command = plan
  variables { stage = "test" }
  expect_failures = [var.stage]
}

run "one_host_for_both" {
  command = plan
  variables { keycloak_domain = "registry.example.com" }
  expect_failures = [var.keycloak_domain]
}

run "an_alarm_that_is_none" {
  command = plan
  variables { alarm_thresholds = { percent_5x = 1 } }
  expect_failures = [var.alarm_thresholds]
}
