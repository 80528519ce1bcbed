output "topic_arn" {
  description = "Topic that every alarm is sent to."
  value       = aws_sns_topic.alarms.arn
}

output "prometheus" {
  description = "The workspace of Prometheus, as module service takes it, and where Grafana asks it; null without one."
  value = var.prometheus ? {
    arn              = aws_prometheus_workspace.this[0].arn
    remote_write_url = "${aws_prometheus_workspace.this[0].prometheus_endpoint}api/v1/remote_write"
    query_url        = aws_prometheus_workspace.this[0].prometheus_endpoint
  } : null
}

output "alarm_names" {
  description = "All alarms."
  value = sort(concat(
    [aws_cloudwatch_metric_alarm.latency.alarm_name, aws_cloudwatch_metric_alarm.restarts.alarm_name],
    [for alarm in concat(
      values(aws_cloudwatch_metric_alarm.rate), values(aws_cloudwatch_metric_alarm.unhealthy),
      values(aws_cloudwatch_metric_alarm.service), values(aws_cloudwatch_metric_alarm.tasks),
      values(aws_cloudwatch_metric_alarm.logged), values(aws_cloudwatch_metric_alarm.database),
      values(aws_cloudwatch_metric_alarm.certificate),
    ) : alarm.alarm_name],
  ))
}
