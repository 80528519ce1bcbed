# A registry for one's own network: an internal load balancer under a name of one's own, reached by VPN or peering.

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "airegistry", Environment = var.name, ManagedBy = "terraform" }
  }
}

module "key" {
  source = "../../modules/key"
  name   = var.name
}

module "network" {
  source      = "../../modules/network"
  name        = var.name
  cidr        = var.cidr
  kms_key_arn = module.key.arn
}

# The name is known inside this VPC, and wherever else the zone is associated with.
resource "aws_route53_zone" "inside" {
  name = var.domain
  vpc {
    vpc_id = module.network.vpc_id
  }
  lifecycle {
    ignore_changes = [vpc]
  }
}

module "edge" {
  source             = "../../modules/edge"
  name               = var.name
  exposure           = "internal"
  vpc_id             = module.network.vpc_id
  cidr               = module.network.cidr
  public_subnet_ids  = module.network.public_subnet_ids
  private_subnet_ids = module.network.private_subnet_ids
  targets            = { registry = { port = 8080, health_path = "/readyz" } }
  domain             = var.domain
  zone_id            = var.zone_id
  private_zone_id    = aws_route53_zone.inside.zone_id
  allowed_cidrs      = concat([var.cidr], var.allowed_cidrs)
  kms_key_arn        = module.key.arn
}

module "documentdb" {
  source      = "../../modules/documentdb"
  name        = var.name
  vpc_id      = module.network.vpc_id
  subnet_ids  = module.network.database_subnet_ids
  kms_key_arn = module.key.arn
}

module "service" {
  source                 = "../../modules/service"
  name                   = var.name
  image                  = var.image
  repository_arns        = var.repository_arns
  collector_image        = var.collector_image
  prometheus             = module.observability.prometheus
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  edge_security_group_id = module.edge.security_group_id
  target_group_arn       = module.edge.target_group_arns["registry"]
  request_label          = "${module.edge.load_balancer_suffix}/${module.edge.target_group_suffixes["registry"]}"
  public_url             = module.edge.url
  trusted_proxies        = module.edge.trusted_proxies
  stage                  = "production"
  store                  = module.documentdb.store
  database_ca            = file(var.database_ca_file)
  kms_key_arn            = module.key.arn
  secret_key             = var.secret_key
  admin_password         = var.admin_password
  first_start            = var.first_start
  secrets_version        = var.secrets_version
  egress_allow           = var.egress_allow
  egress_ports           = var.egress_ports
  # Clients' metadata documents are on the internet, which such a network need not reach.
  settings = { AIREGISTRY_CLIENT_DOCUMENTS = "off" }
}

module "observability" {
  source        = "../../modules/observability"
  name          = var.name
  kms_key_arn   = module.key.arn
  prometheus    = var.collector_image != null
  emails        = var.alarm_emails
  cluster_name  = module.service.cluster_name
  cluster_arn   = module.service.cluster_arn
  services      = { registry = { name = module.service.service_name, tasks = 2 } }
  load_balancer = module.edge.load_balancer_suffix
  target_groups = module.edge.target_group_suffixes
  log_groups    = { for name, group in module.service.log_groups : name => group if name != "audit" || var.collector_image != null }
  documentdb    = module.documentdb.cluster_id
  certificates  = { load-balancer = module.edge.certificate_arns[0] }
}
