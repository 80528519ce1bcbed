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
  name        = "air"
  kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
}

run "three_tiers_in_three_zones" {
  assert {
    condition     = length(output.private_subnet_ids) == 3 && length(output.database_subnet_ids) == 3
    error_message = "one subnet of each tier in each zone"
  }
  assert {
    condition = length(distinct(concat(
      [for subnet in aws_subnet.public : subnet.cidr_block], [for subnet in aws_subnet.private : subnet.cidr_block],
      [for subnet in aws_subnet.database : subnet.cidr_block],
    ))) == 9
    error_message = "no two overlap"
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch != true])
    error_message = "nothing gets a public address by itself"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3
    error_message = "each zone has a way out of its own"
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "all traffic is logged"
  }
  assert {
    condition     = contains(keys(aws_vpc_endpoint.service), "secretsmanager") && aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "secrets and images stay inside"
  }
}

run "one_way_out_for_all_zones" {
  variables {
    nat        = "one"
    zone_count = 2
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 1 && length(aws_route.nat) == 2
    error_message = "both zones use it"
  }
}

run "no_way_out" {
  command = plan
  variables { nat = "none" }
  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0
    error_message = "there is none"
  }
}

run "too_small_a_network" {
  command = plan
  variables { cidr = "10.0.0.0/24" }
  expect_failures = [var.cidr]
}

run "one_zone_is_no_spread" {
  command = plan
  variables { zone_count = 1 }
  expect_failures = [var.zone_count]
}

run "nat_is_one_of_three" {
  command = plan
  variables { nat = "two" }
  expect_failures = [var.nat]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
}

run "a_service_with_blanks" {
  command = plan
  variables { endpoints = ["ecr api"] }
  expect_failures = [var.endpoints]
}
