output "url" {
  description = "Where clients reach the registry."
  value       = "https://${local.tls ? var.domain : aws_cloudfront_distribution.this[0].domain_name}"
}

output "hosts" {
  description = "Host of each target that has one."
  value       = local.hosts
}

output "security_group_id" {
  description = "Group of the load balancer."
  value       = aws_security_group.load_balancer.id
}

output "target_group_arns" {
  description = "Target group of each target."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn }
  # A service may not be made before its group is at a load balancer.
  depends_on = [aws_lb_listener.this, aws_lb_listener_rule.host]
}

output "load_balancer_suffix" {
  description = "The load balancer as metrics name it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_suffixes" {
  description = "Target groups as metrics name them."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn_suffix }
}

output "trusted_proxies" {
  description = "Who is in front: AIREGISTRY_TRUSTED_PROXIES."
  value = concat(
    [var.cidr],
    local.cloudfront ? sort([for entry in data.aws_ec2_managed_prefix_list.cloudfront.entries : entry.cidr]) : [],
  )
}

output "certificate_arns" {
  description = "Certificates, of the load balancer and of CloudFront."
  value       = concat(aws_acm_certificate.regional[*].arn, aws_acm_certificate.cloudfront[*].arn)
}

output "web_acl_arn" {
  description = "The web application firewall."
  value       = aws_wafv2_web_acl.this.arn
}

output "cloudfront_id" {
  description = "The distribution; null without one."
  value       = one(aws_cloudfront_distribution.this[*].id)
}
