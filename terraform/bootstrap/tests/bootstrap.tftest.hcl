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

variables { region = "eu-central-1" }

run "images_that_never_move_and_a_state_that_is_kept" {
  command = plan
  assert {
    condition     = alltrue([for each in aws_ecr_repository.this : each.image_tag_mutability == "IMMUTABLE" && each.image_scanning_configuration[0].scan_on_push])
    error_message = "immutable, and scanned on push"
  }
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "every state can be taken back"
  }
  assert {
    condition     = output.state_bucket == "airegistry-state-123456789012-eu-central-1" && length(output.repository_urls) == 3
    error_message = "one bucket, three repositories"
  }
}

run "regions_look_like_regions" {
  command = plan
  variables { region = "Frankfurt" }
  expect_failures = [var.region]
}

run "no_repository_of_the_registrys" {
  command = plan
  variables { repositories = ["keycloak"] }
  expect_failures = [var.repositories]
}
