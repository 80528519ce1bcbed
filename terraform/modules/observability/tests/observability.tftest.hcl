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
  name          = "air"
  kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/1"
  cluster_name  = "air"
  cluster_arn   = "arn:aws:ecs:eu-central-1:123456789012:cluster/air"
  services      = { registry = { name = "air", tasks = 3 } }
  load_balancer = "app/air/1"
  target_groups = { registry = "targetgroup/air/1" }
  log_groups    = { service = "/air/service", audit = "/air/audit" }
  documentdb    = "air"
  emails        = ["oncall@example.com"]
}

run "every_alarm_of_the_list" {
  assert {
    condition = length(setsubtract(
      [
        "air-4xx", "air-5xx", "air-latency", "air-registry-cpu", "air-registry-memory", "air-registry-tasks", "air-restarts",
        "air-authentication-failures", "air-store-errors", "air-denied-calls", "air-registry-unhealthy", "air-documentdb-cpu",
      ],
      output.alarm_names,
    )) == 0
    error_message = "one is missing"
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.logged : length(alarm.alarm_actions) == 1])
    error_message = "somebody is told"
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn && length(aws_sns_topic_subscription.email) == 1
    error_message = "by an encrypted topic"
  }
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 5
    error_message = "five pictures"
  }
}

run "without_the_audit_trail_its_alarms_are_left_out" {
  command = plan
  variables { log_groups = { service = "/air/service" } }
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.logged) == ["store_errors"]
    error_message = "only what is counted"
  }
}

run "figures_are_kept_with_the_alerts_on_them" {
  command = plan
  variables { prometheus = true }
  assert {
    condition     = keys(aws_prometheus_rule_group_namespace.this) == ["federation", "gateway", "security", "system"]
    error_message = "those of observability/alerts"
  }
  assert {
    condition     = length(aws_prometheus_alert_manager_definition.this) == 1
    error_message = "and somebody is told"
  }
}

run "without_a_collector_no_figures_are_kept" {
  command = plan
  assert {
    condition     = output.prometheus == null && length(aws_prometheus_workspace.this) == 0
    error_message = "there is no workspace"
  }
}

run "aurora_and_certificates_have_alarms_too" {
  command = plan
  variables {
    aurora       = "air-keycloak"
    certificates = { load-balancer = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
    thresholds   = { percent_5xx = 5 }
  }
  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.database), "aurora-capacity") && length(aws_cloudwatch_metric_alarm.certificate) == 1
    error_message = "one each"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.rate["5xx"].threshold == 5 && aws_cloudwatch_metric_alarm.rate["4xx"].threshold == 20
    error_message = "one threshold is changed, the others stay"
  }
}

run "more_than_all" {
  command = plan
  variables { thresholds = { percent_4xx = 101 } }
  expect_failures = [var.thresholds]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables { log_days = 100 }
  expect_failures = [var.log_days]
}

run "a_service_without_tasks" {
  command = plan
  variables { services = { registry = { name = "air", tasks = 0 } } }
  expect_failures = [var.services]
}
