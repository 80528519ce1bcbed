# CloudFront, which reaches the load balancer inside the VPC: that has no address on the internet.

resource "aws_cloudfront_vpc_origin" "this" {
  count = local.cloudfront ? 1 : 0
  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = local.tls ? "https-only" : "http-only"
    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
  depends_on = [aws_lb_listener.this]
}

data "aws_cloudfront_cache_policy" "none" {
  name = "Managed-CachingDisabled"
}

data "aws_cloudfront_origin_request_policy" "all" {
  name = "Managed-AllViewer"
}

data "aws_cloudfront_response_headers_policy" "security" {
  name = "Managed-SecurityHeadersPolicy"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:access logs are delivered by CloudWatch (below), which leaves queries out
  #checkov:skip=CKV_AWS_174:CloudFront's own name comes with its own policy; with a domain it is TLSv1.2_2021
  #checkov:skip=CKV_AWS_305:the registry answers / itself
  #checkov:skip=CKV_AWS_310:one load balancer over several zones is the only origin there is
  #checkov:skip=CKV_AWS_374:countries are a rule of the WAF, which logs what it blocks
  #checkov:skip=CKV2_AWS_47:AWSManagedRulesKnownBadInputsRuleSet is a rule of the WAF, made by a dynamic block
  count           = local.cloudfront ? 1 : 0
  enabled         = true
  comment         = var.name
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  aliases         = values(local.hosts)
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = "load-balancer"
    domain_name = aws_lb.this.dns_name
    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.this[0].id
      origin_read_timeout      = var.origin_read_seconds
      origin_keepalive_timeout = 60
    }
  }

  # Every answer is for one caller: nothing is kept, and everything the client sent is passed on.
  default_cache_behavior {
    target_origin_id           = "load-balancer"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = data.aws_cloudfront_cache_policy.none.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all.id
    response_headers_policy_id = data.aws_cloudfront_response_headers_policy.security.id
  }

  # Countries are the WAF's business, which logs them.
  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn            = local.tls ? aws_acm_certificate_validation.cloudfront[0].certificate_arn : null
    ssl_support_method             = local.tls ? "sni-only" : null
    minimum_protocol_version       = local.tls ? "TLSv1.2_2021" : "TLSv1"
    cloudfront_default_certificate = !local.tls
  }
}

resource "aws_cloudwatch_log_delivery_source" "cloudfront" {
  count        = local.cloudfront ? 1 : 0
  region       = "us-east-1"
  name         = "${var.name}-cloudfront"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this[0].arn
}

resource "aws_cloudwatch_log_delivery_destination" "cloudfront" {
  count         = local.cloudfront ? 1 : 0
  region        = "us-east-1"
  name          = "${var.name}-cloudfront"
  output_format = "json"
  delivery_destination_configuration {
    destination_resource_arn = "${aws_s3_bucket.logs.arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "cloudfront" {
  count                    = local.cloudfront ? 1 : 0
  region                   = "us-east-1"
  delivery_source_name     = aws_cloudwatch_log_delivery_source.cloudfront[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.cloudfront[0].arn
  # Neither queries nor cookies: a code of OAuth is in a query.
  record_fields = [
    "date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
    "x-edge-result-type", "x-edge-request-id", "cs-protocol", "cs-bytes", "time-taken", "ssl-protocol", "ssl-cipher",
  ]
}
