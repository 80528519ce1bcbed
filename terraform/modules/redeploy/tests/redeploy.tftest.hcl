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
}

variables {
  name        = "air-keycloak"
  secret_arn  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds"
  cluster_arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/air"
  service     = { name = "air-keycloak", arn = "arn:aws:ecs:eu-central-1:123456789012:service/air/air-keycloak" }
}

run "a_changed_password_starts_the_service_anew_and_no_other" {
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.rotated.event_pattern).detail.additionalEventData.SecretId == [var.secret_arn]
    error_message = "this secret alone is heard of"
  }
  assert {
    condition = jsondecode(aws_sfn_state_machine.this.definition).States.Redeploy.Parameters == {
      Cluster = var.cluster_arn, Service = "air-keycloak", ForceNewDeployment = true
    }
    error_message = "the service is deployed anew"
  }
  assert {
    condition = jsondecode(aws_iam_role_policy.redeploy.policy).Statement == [
      { Effect = "Allow", Action = ["ecs:UpdateService"], Resource = [var.service.arn] },
    ]
    error_message = "it may do that and nothing else"
  }
}

run "a_name_without_blanks" {
  command = plan
  variables { name = "air keycloak" }
  expect_failures = [var.name]
}
