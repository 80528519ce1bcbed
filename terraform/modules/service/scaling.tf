# More tasks when CPU, memory or requests to one task are beyond what was set; fewer again, slowly.

locals {
  measures = {
    cpu      = { metric = "ECSServiceAverageCPUUtilization", label = null, at = var.scale_at.cpu }
    memory   = { metric = "ECSServiceAverageMemoryUtilization", label = null, at = var.scale_at.memory }
    requests = { metric = "ALBRequestCountPerTarget", label = var.request_label, at = var.scale_at.requests }
  }
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
}

resource "aws_appautoscaling_policy" "this" {
  for_each           = local.measures
  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.at
    scale_out_cooldown = 60
    scale_in_cooldown  = 300
    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}
