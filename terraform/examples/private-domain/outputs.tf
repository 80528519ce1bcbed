output "url" {
  description = "Where clients reach the registry."
  value       = module.edge.url
}

output "region" {
  description = "Region of the deployment."
  value       = var.region
}

output "cluster_name" {
  description = "ECS cluster."
  value       = module.service.cluster_name
}

output "service_name" {
  description = "ECS service of the registry."
  value       = module.service.service_name
}

output "log_groups" {
  description = "Log groups of the registry."
  value       = module.service.log_groups
}

output "secret_arns" {
  description = "Secrets of the registry."
  value       = module.service.secret_arns
}

output "prometheus_url" {
  description = "Where Grafana asks for the registry's figures; null without a collector."
  value       = try(module.observability.prometheus.query_url, null)
}

output "alarm_topic_arn" {
  description = "Topic that alarms are sent to."
  value       = module.observability.topic_arn
}

output "hosts" {
  description = "Names that have to lead to the load balancer."
  value       = module.edge.hosts
}

output "certificate_arns" {
  description = "Certificates."
  value       = module.edge.certificate_arns
}

output "private_zone_id" {
  description = "Private zone of the name, to be associated with whatever VPC asks for it."
  value       = aws_route53_zone.inside.zone_id
}
