# The load balancer: health checks, TLS, hosts. What is in front of it, and its names, are in the files beside.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

locals {
  cloudfront = var.exposure == "cloudfront"
  tls        = var.domain != null
  port       = local.tls ? 443 : 80
  others     = { for name, target in var.targets : name => target.host if target.host != null && name != "registry" }
  hosts      = local.tls ? merge({ registry = var.domain }, local.others) : {}
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-edge"
  description = "Load balancer; where it may connect to says each module behind it"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-edge" }
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  count             = local.cloudfront ? 1 : 0
  security_group_id = aws_security_group.load_balancer.id
  description       = "CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each          = local.cloudfront ? toset([]) : toset(var.allowed_cidrs)
  security_group_id = aws_security_group.load_balancer.id
  description       = "Clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_150:on but for environments that are not protected
  #checkov:skip=CKV2_AWS_76:AWSManagedRulesKnownBadInputsRuleSet is a rule of the WAF, made by a dynamic block
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.exposure != "internet"
  subnets                    = var.exposure == "internet" ? var.public_subnet_ids : var.private_subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  idle_timeout               = var.idle_seconds
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection
  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "load-balancer"
    enabled = true
  }
  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:TLS ends at the load balancer; tasks take connections from its security group alone
  for_each             = var.targets
  name                 = "${var.name}-${each.key}"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = each.value.port
  deregistration_delay = 30
  # Any replica answers any request, but sessions of older protocol eras live where they were opened.
  stickiness {
    type            = "lb_cookie"
    enabled         = true
    cookie_duration = 3600
  }
  health_check {
    path                = each.value.health_path
    port                = each.value.health_port
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = local.port
  protocol          = local.tls ? "HTTPS" : "HTTP"
  ssl_policy        = local.tls ? "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" : null
  certificate_arn   = local.tls ? aws_acm_certificate_validation.regional[0].certificate_arn : null
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["registry"].arn
  }
}

resource "aws_lb_listener_rule" "host" {
  for_each     = local.others
  listener_arn = aws_lb_listener.this.arn
  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
  condition {
    host_header {
      values = [each.value]
    }
  }
}
