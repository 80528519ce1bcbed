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
  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-1", entries = [{ cidr = "130.176.0.0/17", description = "" }] }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { domain_name = "d1.cloudfront.net" }
  }
}

variables {
  name               = "air"
  exposure           = "cloudfront"
  vpc_id             = "vpc-1"
  cidr               = "10.40.0.0/16"
  public_subnet_ids  = ["subnet-1", "subnet-2"]
  private_subnet_ids = ["subnet-3", "subnet-4"]
  targets            = { registry = { port = 8080, health_path = "/readyz" } }
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/1"
}

run "behind_cloudfronts_own_name" {
  assert {
    condition     = output.url == "https://d1.cloudfront.net" && aws_lb.this.internal && aws_lb_listener.this.port == 80
    error_message = "the load balancer is inside, and CloudFront has TLS"
  }
  assert {
    condition     = length(aws_acm_certificate.regional) == 0 && length(aws_route53_record.host) == 0
    error_message = "nothing needs a name"
  }
  assert {
    condition     = aws_cloudfront_distribution.this[0].default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "nobody stays on HTTP"
  }
  assert {
    condition     = aws_wafv2_web_acl.this.scope == "CLOUDFRONT" && aws_wafv2_web_acl.this.region == "us-east-1" && length(aws_wafv2_web_acl_association.load_balancer) == 0
    error_message = "the WAF is CloudFront's"
  }
  assert {
    condition     = output.trusted_proxies == ["10.40.0.0/16", "130.176.0.0/17"]
    error_message = "what is in front is the VPC and CloudFront"
  }
  assert {
    condition     = one(aws_vpc_security_group_ingress_rule.cloudfront).prefix_list_id == "pl-1" && length(aws_vpc_security_group_ingress_rule.clients) == 0
    error_message = "only CloudFront connects"
  }
  assert {
    condition     = aws_lb_target_group.this["registry"].health_check[0].path == "/readyz"
    error_message = "a task that cannot answer gets no requests"
  }
}

run "cloudfront_and_a_domain" {
  command = plan
  variables {
    domain  = "registry.example.com"
    zone_id = "Z1"
    targets = {
      registry = { port = 8080, health_path = "/readyz" }
      keycloak = { port = 8080, health_path = "/health/ready", health_port = "9000", host = "auth.example.com" }
    }
  }
  assert {
    condition     = output.url == "https://registry.example.com" && output.hosts == tomap({ registry = "registry.example.com", keycloak = "auth.example.com" })
    error_message = "both have names"
  }
  assert {
    condition     = aws_acm_certificate.cloudfront[0].region == "us-east-1" && contains(aws_acm_certificate.regional[0].subject_alternative_names, "auth.example.com")
    error_message = "certificates for both, in both regions"
  }
  assert {
    condition     = aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].origin_protocol_policy == "https-only" && aws_lb_listener.this.protocol == "HTTPS"
    error_message = "TLS up to the load balancer"
  }
  assert {
    condition     = aws_lb_target_group.this["keycloak"].health_check[0].port == "9000" && length(aws_lb_listener_rule.host) == 1
    error_message = "Keycloak is found by its host and asked at its own port"
  }
  assert {
    condition     = aws_cloudfront_distribution.this[0].viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "no old TLS"
  }
}

run "inside_a_network" {
  command = plan
  variables {
    exposure        = "internal"
    domain          = "registry.internal.example.com"
    zone_id         = "Z1"
    private_zone_id = "Z2"
    allowed_cidrs   = ["10.0.0.0/8"]
  }
  assert {
    condition     = aws_lb.this.internal && length(aws_cloudfront_distribution.this) == 0 && aws_wafv2_web_acl.this.scope == "REGIONAL"
    error_message = "no CloudFront"
  }
  assert {
    condition     = aws_route53_record.host["registry"].zone_id == "Z2" && aws_route53_record.proof["registry"].zone_id == "Z1"
    error_message = "the name is private, its proof is public"
  }
  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.clients) == ["10.0.0.0/8"] && length(aws_wafv2_web_acl_association.load_balancer) == 1
    error_message = "only the network connects, through the WAF"
  }
}

run "on_the_internet_without_cloudfront" {
  command = plan
  variables {
    exposure      = "internet"
    domain        = "registry.example.com"
    zone_id       = "Z1"
    allowed_cidrs = ["0.0.0.0/0"]
  }
  assert {
    condition     = !aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["subnet-1", "subnet-2"])
    error_message = "a public load balancer"
  }
}

run "lists_become_rules" {
  command = plan
  variables {
    blocked_ips       = ["192.0.2.0/24"]
    allowed_ips       = ["198.51.100.0/24"]
    blocked_countries = ["KP"]
    rate_limit        = 100
  }
  assert {
    condition     = toset([for rule in aws_wafv2_web_acl.this.rule : rule.name if rule.priority < 10]) == toset(["blocked-ips", "not-allowed-ips", "blocked-countries", "rate"])
    error_message = "each list is a rule"
  }
  assert {
    condition     = length([for rule in aws_wafv2_web_acl.this.rule : rule if rule.priority >= 10]) == 3
    error_message = "and three groups of AWS's"
  }
}

run "a_domain_is_needed_without_cloudfront" {
  command = plan
  variables { exposure = "internal" }
  expect_failures = [var.domain]
}

run "a_zone_without_a_domain" {
  command = plan
  variables { zone_id = "Z1" }
  expect_failures = [var.zone_id]
}

run "another_target_without_a_host" {
  command = plan
  variables { targets = { registry = { port = 1, health_path = "/" }, other = { port = 1, health_path = "/" } } }
  expect_failures = [var.targets]
}

run "countries_have_two_letters" {
  command = plan
  variables { blocked_countries = ["Atlantis"] }
  expect_failures = [var.blocked_countries]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
}

run "a_host_is_no_network" {
  command = plan
  variables { blocked_ips = ["192.0.2.1"] }
  expect_failures = [var.blocked_ips]
}

run "the_firewall_has_networks_of_ipv4" {
  command = plan
  variables { allowed_ips = ["2001:db8::/32"] }
  expect_failures = [var.allowed_ips]
}

run "a_vpc_is_a_network" {
  command = plan
  variables { cidr = "10.40.0.0" }
  expect_failures = [var.cidr]
}
