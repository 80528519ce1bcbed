# Certificates and names. CloudFront takes certificates of us-east-1 only, the load balancer those of its region.

locals {
  alias_name = local.cloudfront ? aws_cloudfront_distribution.this[0].domain_name : aws_lb.this.dns_name
  alias_zone = local.cloudfront ? aws_cloudfront_distribution.this[0].hosted_zone_id : aws_lb.this.zone_id
  names_zone = var.exposure == "internal" && var.private_zone_id != null ? var.private_zone_id : var.zone_id
}

resource "aws_acm_certificate" "regional" {
  count                     = local.tls ? 1 : 0
  domain_name               = var.domain
  subject_alternative_names = values(local.others)
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "cloudfront" {
  count                     = local.tls && local.cloudfront ? 1 : 0
  region                    = "us-east-1"
  domain_name               = var.domain
  subject_alternative_names = values(local.others)
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}

# The proof is the same for both certificates: it is of the account and the name.
resource "aws_route53_record" "proof" {
  for_each        = local.hosts
  zone_id         = var.zone_id
  name            = one([for proof in aws_acm_certificate.regional[0].domain_validation_options : proof.resource_record_name if proof.domain_name == each.value])
  type            = one([for proof in aws_acm_certificate.regional[0].domain_validation_options : proof.resource_record_type if proof.domain_name == each.value])
  records         = [for proof in aws_acm_certificate.regional[0].domain_validation_options : proof.resource_record_value if proof.domain_name == each.value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "regional" {
  count                   = local.tls ? 1 : 0
  certificate_arn         = aws_acm_certificate.regional[0].arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_acm_certificate_validation" "cloudfront" {
  count                   = local.tls && local.cloudfront ? 1 : 0
  region                  = "us-east-1"
  certificate_arn         = aws_acm_certificate.cloudfront[0].arn
  validation_record_fqdns = [for record in aws_route53_record.proof : record.fqdn]
}

resource "aws_route53_record" "host" {
  for_each = local.hosts
  zone_id  = local.names_zone
  name     = each.value
  type     = "A"
  alias {
    name                   = local.alias_name
    zone_id                = local.alias_zone
    evaluate_target_health = !local.cloudfront
  }
}
