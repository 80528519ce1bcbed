output "store" {
  description = "What the service module takes as `store`."
  value = {
    endpoint          = aws_docdb_cluster.this.endpoint
    port              = aws_docdb_cluster.this.port
    secret_arn        = aws_docdb_cluster.this.master_user_secret[0].secret_arn
    security_group_id = aws_security_group.this.id
  }
}

output "cluster_id" {
  description = "Name of the cluster, as its metrics have it."
  value       = aws_docdb_cluster.this.cluster_identifier
}
