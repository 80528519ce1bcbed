# Where the registry's own figures are kept, and the alerts of observability/alerts on them, told by the same topic as the alarms.

locals {
  alerts = "${path.module}/../../../observability/alerts"
  rules  = { for file in fileset(local.alerts, "*.yaml") : trimsuffix(file, ".yaml") => "${local.alerts}/${file}" }
}

resource "aws_prometheus_workspace" "this" {
  count       = var.prometheus ? 1 : 0
  alias       = var.name
  kms_key_arn = var.kms_key_arn
  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.prometheus[0].arn}:*"
  }
  # Rules and the log are of no use to a workspace that may not write it.
  depends_on = [aws_cloudwatch_log_resource_policy.prometheus]
}

resource "aws_prometheus_rule_group_namespace" "this" {
  for_each     = var.prometheus ? local.rules : {}
  name         = each.key
  workspace_id = aws_prometheus_workspace.this[0].id
  data         = file(each.value)
}

resource "aws_prometheus_alert_manager_definition" "this" {
  count        = var.prometheus ? 1 : 0
  workspace_id = aws_prometheus_workspace.this[0].id
  definition = yamlencode({
    alertmanager_config = yamlencode({
      route = { receiver = "alarms", group_by = ["alertname", "job"] }
      receivers = [{
        name = "alarms"
        sns_configs = [{
          topic_arn = aws_sns_topic.alarms.arn
          sigv4     = { region = local.region }
        }]
      }]
    })
  })
}

resource "aws_cloudwatch_log_group" "prometheus" {
  count             = var.prometheus ? 1 : 0
  name              = "/aws/vendedlogs/prometheus/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_resource_policy" "prometheus" {
  count       = var.prometheus ? 1 : 0
  policy_name = "${var.name}-prometheus"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "delivery.logs.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.prometheus[0].arn}:*"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}
