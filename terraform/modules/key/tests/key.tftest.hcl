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

variables { name = "air" }

run "a_key_rotates_and_serves_named_services_only" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "it rotates, and can be taken back for 30 days"
  }
  assert {
    condition     = alltrue([for each in slice(jsondecode(aws_kms_key.this.policy).Statement, 1, 4) : can(each.Condition) && can(each.Principal.Service)])
    error_message = "services use it under a condition"
  }
  assert {
    condition     = strcontains(aws_kms_key.this.policy, "logs.eu-central-1.amazonaws.com")
    error_message = "the service of logs is that of the region"
  }
}

run "of_another_region" {
  variables { region = "us-east-1" }
  assert {
    condition     = aws_kms_key.this.region == "us-east-1" && strcontains(aws_kms_key.this.policy, "logs.us-east-1.amazonaws.com")
    error_message = "all of it is there"
  }
}

run "names_fit_aws" {
  command = plan
  variables { name = "Air_Registry" }
  expect_failures = [var.name]
}

run "kms_waits_seven_days_at_least" {
  command = plan
  variables { deletion_days = 6 }
  expect_failures = [var.deletion_days]
}

run "regions_look_like_regions" {
  command = plan
  variables { region = "Frankfurt" }
  expect_failures = [var.region]
}
