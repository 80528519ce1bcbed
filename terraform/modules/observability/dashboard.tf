locals {
  region = data.aws_region.current.region
  widgets = [
    {
      title = "Requests and errors"
      metrics = [
        for name in ["RequestCount", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"] :
        ["AWS/ApplicationELB", name, "LoadBalancer", var.load_balancer, { stat = "Sum" }]
      ]
    },
    {
      title = "Seconds to the first byte"
      metrics = [
        for statistic in ["p50", "p95", "p99"] :
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.load_balancer, "TargetGroup", var.target_groups["registry"], { stat = statistic, label = statistic }]
      ]
    },
    {
      title = "CPU and memory of tasks, in percent"
      metrics = concat([
        for service in var.services : [
          for name in ["CPUUtilization", "MemoryUtilization"] :
          ["AWS/ECS", name, "ClusterName", var.cluster_name, "ServiceName", service.name, { stat = "Average" }]
        ]
      ]...)
    },
    {
      title   = "Counted in logs"
      metrics = [for name in keys(local.counted) : [local.namespace, name, { stat = "Sum" }]]
    },
    {
      title = "Database"
      metrics = [
        for name in ["CPUUtilization", "DatabaseConnections", "DBClusterReplicaLagMaximum"] :
        ["AWS/DocDB", name, "DBClusterIdentifier", var.documentdb, { stat = "Maximum" }]
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type       = "metric"
        width      = 12
        height     = 6
        x          = 12 * (index % 2)
        y          = 6 * floor(index / 2)
        properties = { title = widget.title, metrics = widget.metrics, region = local.region, period = 300, view = "timeSeries" }
      }
    ]
  })
}
