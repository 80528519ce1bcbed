output "state_bucket" {
  description = "Bucket of every environment's state: `bucket` in its .s3.tfbackend."
  value       = aws_s3_bucket.state.bucket
}

output "repository_urls" {
  description = "Where images are pushed to."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "`repository_arns` of the environments."
  value       = [for repository in aws_ecr_repository.this : repository.arn]
}
