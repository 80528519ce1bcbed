output "cluster_arn" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.arn
}

output "cluster_name" {
  description = "Its name, as metrics have it."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "The service, as metrics have it."
  value       = aws_ecs_service.this.name
}

output "log_groups" {
  description = "Log groups: service, audit and shell."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => group.name }
}

output "secret_arns" {
  description = "Secrets of the registry: secret-key and admin-password."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
