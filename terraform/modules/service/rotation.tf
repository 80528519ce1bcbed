module "redeploy" {
  source      = "../redeploy"
  name        = var.name
  secret_arn  = var.store.secret_arn
  cluster_arn = aws_ecs_cluster.this.arn
  service     = { name = aws_ecs_service.this.name, arn = aws_ecs_service.this.id }
}
