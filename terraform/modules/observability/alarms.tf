# Alarms. Those of load balancer and services are by what is watched, the others by name.

locals {
  by_service = merge([
    for key, service in var.services : {
      "${key}-cpu"    = { metric = "CPUUtilization", service = service.name, at = var.thresholds.cpu_percent }
      "${key}-memory" = { metric = "MemoryUtilization", service = service.name, at = var.thresholds.memory_percent }
    }
  ]...)
  by_rate = {
    "4xx" = { metrics = ["HTTPCode_Target_4XX_Count", "HTTPCode_ELB_4XX_Count"], at = var.thresholds.percent_4xx }
    "5xx" = { metrics = ["HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"], at = var.thresholds.percent_5xx }
  }
  database = merge(
    {
      documentdb-cpu         = { namespace = "AWS/DocDB", dimension = "DBClusterIdentifier", id = var.documentdb, metric = "CPUUtilization", at = 85 }
      documentdb-connections = { namespace = "AWS/DocDB", dimension = "DBClusterIdentifier", id = var.documentdb, metric = "DatabaseConnections", at = 800 }
      documentdb-lag         = { namespace = "AWS/DocDB", dimension = "DBClusterIdentifier", id = var.documentdb, metric = "DBClusterReplicaLagMaximum", at = 5000 }
    },
    var.aurora == null ? {} : {
      aurora-capacity = { namespace = "AWS/RDS", dimension = "DBClusterIdentifier", id = var.aurora, metric = "ACUUtilization", at = 90 }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "rate" {
  for_each            = local.by_rate
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Percent of requests that are answered ${each.key}, where there are 50 at least"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.at
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "percent"
    label       = "percent"
    expression  = "IF(FILL(requests, 0) >= 50, 100 * (FILL(m0, 0) + FILL(m1, 0)) / requests, 0)"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { requests = "RequestCount", m0 = each.value.metrics[0], m1 = each.value.metrics[1] }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = var.load_balancer }
        period      = 300
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency"
  alarm_description   = "Time to the first byte of the slowest twentieth of requests to the registry"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = { LoadBalancer = var.load_balancer, TargetGroup = var.target_groups["registry"] }
  extended_statistic  = "p95"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.latency_seconds
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  for_each            = var.target_groups
  alarm_name          = "${var.name}-${each.key}-unhealthy"
  alarm_description   = "Tasks that do not answer their health check"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = { LoadBalancer = var.load_balancer, TargetGroup = each.value }
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "service" {
  for_each            = local.by_service
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.metric} of ${each.value.service}, in percent, although tasks are added"
  namespace           = "AWS/ECS"
  metric_name         = each.value.metric
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.value.service }
  statistic           = "Average"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.at
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "tasks" {
  for_each            = var.services
  alarm_name          = "${var.name}-${each.key}-tasks"
  alarm_description   = "Fewer tasks of ${each.value.name} run than should"
  namespace           = "ECS/ContainerInsights"
  metric_name         = "RunningTaskCount"
  dimensions          = { ClusterName = var.cluster_name, ServiceName = each.value.name }
  statistic           = "Minimum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.tasks
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "restarts" {
  alarm_name          = "${var.name}-restarts"
  alarm_description   = "Tasks end by themselves or do not start; why is in ${aws_cloudwatch_log_group.stopped.name}"
  namespace           = "AWS/Events"
  metric_name         = "MatchedEvents"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.stopped.name }
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.thresholds.restarts
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "logged" {
  for_each            = local.counted
  alarm_name          = "${var.name}-${replace(each.key, "_", "-")}"
  alarm_description   = "${replace(each.key, "_", " ")} in five minutes, counted in ${each.value.group}"
  namespace           = local.namespace
  metric_name         = aws_cloudwatch_log_metric_filter.this[each.key].metric_transformation[0].name
  statistic           = "Sum"
  period              = 300
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.thresholds[each.key]
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each            = local.database
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.metric} of ${each.value.id}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = { (each.value.dimension) = each.value.id }
  statistic           = "Maximum"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.at
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "certificate" {
  for_each            = var.certificates
  alarm_name          = "${var.name}-certificate-${each.key}"
  alarm_description   = "Days until the certificate ends: it is renewed 60 days before, as long as its proof is in DNS"
  namespace           = "AWS/CertificateManager"
  metric_name         = "DaysToExpiry"
  dimensions          = { CertificateArn = each.value }
  statistic           = "Minimum"
  period              = 86400
  comparison_operator = "LessThanThreshold"
  threshold           = var.thresholds.certificate_days
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
