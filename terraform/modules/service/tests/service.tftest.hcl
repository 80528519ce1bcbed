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
  name                   = "air"
  image                  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/airegistry:1.2.3"
  repository_arns        = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/airegistry"]
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1", "subnet-2"]
  edge_security_group_id = "sg-edge"
  target_group_arn       = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/air/1"
  request_label          = "app/air/1/targetgroup/air/1"
  public_url             = "https://registry.example.com"
  trusted_proxies        = ["10.40.0.0/16", "130.176.0.0/17"]
  stage                  = "production"
  store = {
    endpoint          = "air.cluster-1.docdb.amazonaws.com"
    port              = 27017
    secret_arn        = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:docdb"
    security_group_id = "sg-store"
  }
  database_ca     = "-----BEGIN CERTIFICATE-----"
  kms_key_arn     = "arn:aws:kms:eu-central-1:123456789012:key/1"
  secret_key      = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
  first_start     = true
  admin_password  = "sixteen letters."
  collector_image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/airegistry/otel-collector:0.130.0"
}

run "a_hardened_task" {
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.this.container_definitions) :
      container.readonlyRootFilesystem && !container.privileged && container.linuxParameters.capabilities.drop == ["ALL"]
    ])
    error_message = "read-only, without privileges"
  }
  assert {
    condition = contains(
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment,
      { name = "AIREGISTRY_STORE_URL", value = "mongodb://air.cluster-1.docdb.amazonaws.com:27017/airegistry?tls=true&tlsCAFile=/certificates/database-ca.pem&replicaSet=rs0&retryWrites=false&authSource=admin" },
    )
    error_message = "the store's URL has TLS and no secret"
  }
  assert {
    condition     = toset([for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.name]) == toset(["AIREGISTRY_STORE_USERNAME", "AIREGISTRY_STORE_PASSWORD", "AIREGISTRY_SECRET_KEY", "AIREGISTRY_ADMIN_PASSWORD"])
    error_message = "secrets come from Secrets Manager"
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "AIREGISTRY_EGRESS_ALLOW", value = "127.0.0.1:4318" })
    error_message = "of private addresses the collector's alone is allowed"
  }
  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "in private subnets, and what does not start is taken back"
  }
  assert {
    condition     = keys(aws_appautoscaling_policy.this) == ["cpu", "memory", "requests"]
    error_message = "it scales on all three"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.execution.policy, "\"*\"") || length(regexall("\"Resource\":\"\\*\"", aws_iam_role_policy.execution.policy)) == 1
    error_message = "only the log-in at ECR has no resource to name"
  }
  assert {
    condition     = aws_secretsmanager_secret_version.secret_key.secret_string == null || aws_secretsmanager_secret_version.secret_key.secret_string != "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    error_message = "the state has no secret"
  }
}

run "figures_go_by_the_collector" {
  command = plan
  variables {
    prometheus = {
      arn              = "arn:aws:aps:eu-central-1:123456789012:workspace/ws-1"
      remote_write_url = "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
    }
  }
  assert {
    condition     = local.settings.AIREGISTRY_TELEMETRY_URL == local.settings.AIREGISTRY_AUDIT_OTLP_URL
    error_message = "where the audit trail goes"
  }
  assert {
    condition     = length(aws_iam_role_policy.telemetry) == 1
    error_message = "which may write them"
  }
}

run "figures_without_a_collector" {
  command = plan
  variables {
    collector_image = null
    prometheus      = { arn = "arn:aws:aps:eu-central-1:123456789012:workspace/ws-1", remote_write_url = "https://example.com" }
  }
  expect_failures = [var.prometheus]
}

run "without_a_collector" {
  command = plan
  variables { collector_image = null }
  assert {
    condition     = length(aws_iam_role_policy.audit) == 0 && length(aws_iam_role_policy.telemetry) == 0 && length(aws_iam_role_policy.shell) == 0
    error_message = "what runs may do nothing at AWS"
  }
}

run "after_the_first_start" {
  command = plan
  variables {
    first_start    = false
    admin_password = null
  }
  assert {
    condition     = !strcontains(nonsensitive(jsonencode(local.secrets)), "AIREGISTRY_ADMIN_PASSWORD") && length(aws_secretsmanager_secret_version.admin_password) == 0
    error_message = "no task is told it"
  }
}

run "a_first_start_without_a_password" {
  command = plan
  variables { admin_password = null }
  expect_failures = [var.admin_password]
}

run "latest_is_no_version" {
  command = plan
  variables { image = "example/airegistry:latest" }
  expect_failures = [var.image]
}

run "an_image_without_a_tag" {
  command = plan
  variables { image = "example/airegistry" }
  expect_failures = [var.image]
}

run "a_secret_among_the_settings" {
  command = plan
  variables { settings = { AIREGISTRY_ADMIN_TOKEN = "x" } }
  expect_failures = [var.settings]
}

run "a_setting_of_somebody_else" {
  command = plan
  variables { settings = { PATH = "/" } }
  expect_failures = [var.settings]
}

run "a_key_that_is_none" {
  command = plan
  variables { secret_key = "short" }
  expect_failures = [var.secret_key]
}

run "plain_http" {
  command = plan
  variables { public_url = "http://registry.example.com" }
  expect_failures = [var.public_url]
}

run "more_tasks_at_least_than_at_most" {
  command = plan
  variables { tasks = { min = 3, max = 2 } }
  expect_failures = [var.tasks]
}

run "memory_that_fargate_does_not_have" {
  command = plan
  variables { memory = 1500 }
  expect_failures = [var.memory]
}

run "certificates_that_are_none" {
  command = plan
  variables { database_ca = "hello" }
  expect_failures = [var.database_ca]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
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
  variables { repository_arns = ["airegistry/airegistry"] }
  expect_failures = [var.repository_arns]
}

run "everybody_is_no_exemption" {
  command = plan
  variables { egress_allow = ["::/0"] }
  expect_failures = [var.egress_allow]
}

run "a_url_is_no_host" {
  command = plan
  variables { egress_allow = ["https://a.example.com/?"] }
  expect_failures = [var.egress_allow]
}
