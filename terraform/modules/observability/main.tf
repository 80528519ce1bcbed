# Who is told, and what is counted in logs. The alarms are in alarms.tf, what is seen at a glance in dashboard.tf.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  namespace = "airegistry/${var.name}"
  # Persons and clients that did not prove to be what they said, and codes and refresh tokens that were refused.
  proving        = ["user:login", "user:password", "user:second_factor", "client:authenticate", "token:mint", "token:refresh", "token:exchange"]
  calling        = ["tools/*", "message/*", "tasks/*", "prompts/*", "resources/*"]
  authentication = join(" || ", [for act in local.proving : "($.action = \"${act}\")"])
  calls          = join(" || ", [for act in local.calling : "($.action = \"${act}\")"])
  counted = merge(
    {
      store_errors = { group = var.log_groups["service"], pattern = "?\"the database does not answer\" ?\"the database refused\"" }
    },
    contains(keys(var.log_groups), "audit") ? {
      authentication_failures = { group = var.log_groups["audit"], pattern = "{ ($.decision = \"deny\") && (${local.authentication}) }" }
      denied_calls            = { group = var.log_groups["audit"], pattern = "{ ($.decision = \"deny\") && (${local.calls}) }" }
    } : {},
  )
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for service, acts in {
        cloudwatch = ["sns:Publish"]
        aps        = ["sns:Publish", "sns:GetTopicAttributes"]
        } : {
        Effect    = "Allow"
        Principal = { Service = "${service}.amazonaws.com" }
        Action    = acts
        Resource  = aws_sns_topic.alarms.arn
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      }
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = var.emails
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.counted
  name           = "${var.name}-${each.key}"
  log_group_name = each.value.group
  pattern        = each.value.pattern
  metric_transformation {
    namespace     = local.namespace
    name          = each.key
    value         = "1"
    default_value = "0"
  }
}

# Tasks that end by themselves or do not start: the rule counts them, and its log says why.
resource "aws_cloudwatch_event_rule" "stopped" {
  name        = "${var.name}-stopped"
  description = "A task ended by itself, or did not start"
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      lastStatus = ["STOPPED"]
      stopCode   = ["EssentialContainerExited", "TaskFailedToStart"]
    }
  })
}

resource "aws_cloudwatch_log_group" "stopped" {
  name              = "/aws/events/${var.name}-stopped"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "${var.name}-events"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "delivery.logs.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.stopped.arn}:*"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_cloudwatch_event_target" "stopped" {
  rule = aws_cloudwatch_event_rule.stopped.name
  arn  = aws_cloudwatch_log_group.stopped.arn
}
