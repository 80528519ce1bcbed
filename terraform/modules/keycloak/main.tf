# Keycloak on ECS Fargate: tasks that find each other in the database, behind the same load balancer as the registry.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  port       = 8080
  management = 9000
  gossip     = 7800
  database   = aws_rds_cluster.this.master_user_secret[0].secret_arn

  settings = {
    KC_DB                       = "postgres"
    KC_DB_URL                   = "jdbc:postgresql://${aws_rds_cluster.this.endpoint}:5432/keycloak?sslmode=require"
    KC_HOSTNAME                 = "https://${var.host}"
    KC_HTTP_ENABLED             = "true"
    KC_HTTP_PORT                = tostring(local.port)
    KC_PROXY_HEADERS            = "xforwarded"
    KC_PROXY_TRUSTED_ADDRESSES  = join(",", var.trusted_proxies)
    KC_HEALTH_ENABLED           = "true"
    KC_METRICS_ENABLED          = "true"
    KC_LOG_CONSOLE_OUTPUT       = "json"
    KC_BOOTSTRAP_ADMIN_USERNAME = "setup"
  }
  secrets = {
    KC_DB_USERNAME              = "${local.database}:username::"
    KC_DB_PASSWORD              = "${local.database}:password::"
    KC_BOOTSTRAP_ADMIN_PASSWORD = aws_secretsmanager_secret.admin.arn
  }
  ports = { web = local.port, health = local.management }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/keycloak"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_secretsmanager_secret" "admin" {
  #checkov:skip=CKV2_AWS_57:the first administrator is removed after the set-up
  name                    = "${var.name}/keycloak-admin-password"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "admin" {
  secret_id                = aws_secretsmanager_secret.admin.id
  secret_string_wo         = var.admin_password
  secret_string_wo_version = var.secrets_version
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-keycloak"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions = jsonencode([{
    name         = "keycloak"
    image        = var.image
    essential    = true
    command      = ["start"]
    privileged   = false
    stopTimeout  = 60
    environment  = [for name, value in local.settings : { name = name, value = value }]
    secrets      = [for name, arn in local.secrets : { name = name, valueFrom = arn }]
    portMappings = [for port in [local.port, local.management, local.gossip] : { containerPort = port, protocol = "tcp" }]
    # Keycloak builds itself at its first start unless the image was built with `kc.sh build`: its folder is written then.
    readonlyRootFilesystem = false
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "task"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name                               = "${var.name}-keycloak"
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.task_count
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 300
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = "keycloak"
    container_port   = local.port
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  depends_on = [aws_iam_role_policy.execution, aws_rds_cluster_instance.this]
}

resource "aws_security_group" "this" {
  name        = "${var.name}-keycloak"
  description = "Tasks of Keycloak"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-keycloak" }
}

resource "aws_vpc_security_group_ingress_rule" "edge" {
  for_each                     = local.ports
  security_group_id            = aws_security_group.this.id
  description                  = "Load balancer: ${each.key}"
  referenced_security_group_id = var.edge_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "edge" {
  for_each                     = local.ports
  security_group_id            = var.edge_security_group_id
  description                  = "Keycloak: ${each.key}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "gossip" {
  security_group_id            = aws_security_group.this.id
  description                  = "Each other"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.gossip
  to_port                      = local.gossip
}

resource "aws_vpc_security_group_egress_rule" "gossip" {
  security_group_id            = aws_security_group.this.id
  description                  = "Each other"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.gossip
  to_port                      = local.gossip
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.this.id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

# Identity providers that it federates with, and AWS.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Identity providers and AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
