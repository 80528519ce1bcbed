output "url" {
  description = "Where people and the registry reach Keycloak."
  value       = "https://${var.host}"
}

output "admin_secret_arn" {
  description = "Secret with the password of the first administrator, `setup`."
  value       = aws_secretsmanager_secret.admin.arn
}

output "service_name" {
  description = "The service, as metrics have it."
  value       = aws_ecs_service.this.name
}

output "database_id" {
  description = "The database, as metrics have it."
  value       = aws_rds_cluster.this.cluster_identifier
}
