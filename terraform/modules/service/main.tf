# The registry on ECS Fargate: tasks in private subnets, behind the load balancer, over one shared database.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  port      = 8080
  ca_folder = "/certificates"
  ca        = "${local.ca_folder}/database-ca.pem"
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enhanced"
  }
  configuration {
    execute_command_configuration {
      kms_key_id = var.kms_key_arn
      logging    = "OVERRIDE"
      log_configuration {
        cloud_watch_encryption_enabled = true
        cloud_watch_log_group_name     = aws_cloudwatch_log_group.this["shell"].name
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(["service", "audit", "shell"])
  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.tasks.min
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 120
  enable_execute_command             = var.shell
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = "airegistry"
    container_port   = local.port
  }

  # A version that does not become healthy is taken back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
  depends_on = [aws_iam_role_policy.execution]
}

resource "aws_security_group" "this" {
  name        = "${var.name}-service"
  description = "Tasks of the registry"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-service" }
}

resource "aws_vpc_security_group_ingress_rule" "edge" {
  security_group_id            = aws_security_group.this.id
  description                  = "Load balancer"
  referenced_security_group_id = var.edge_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_egress_rule" "edge" {
  security_group_id            = var.edge_security_group_id
  description                  = "Registry"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

# Servers and identity providers that the registry calls; which of them it may is its own guard's decision.
resource "aws_vpc_security_group_egress_rule" "backends" {
  for_each          = { for port in var.egress_ports : tostring(port) => port }
  security_group_id = aws_security_group.this.id
  description       = "Backends, identity providers and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "store" {
  security_group_id            = aws_security_group.this.id
  description                  = "Database"
  referenced_security_group_id = var.store.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.store.port
  to_port                      = var.store.port
}

resource "aws_vpc_security_group_ingress_rule" "store" {
  security_group_id            = var.store.security_group_id
  description                  = "Registry"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = var.store.port
  to_port                      = var.store.port
}
