# All of it, for dev, staging and production: CloudFront and a domain, Keycloak, a database in every zone, alarms.

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "airegistry", Environment = var.stage, ManagedBy = "terraform" }
  }
}

locals {
  protected = var.stage == "production"
}

module "key" {
  source = "../../modules/key"
  name   = var.name
}

# The WAF of CloudFront logs in us-east-1, and a log's key is in the log's region.
module "edge_key" {
  source = "../../modules/key"
  name   = "${var.name}-edge"
  region = "us-east-1"
}

module "network" {
  source      = "../../modules/network"
  name        = var.name
  cidr        = var.cidr
  nat         = var.nat
  kms_key_arn = module.key.arn
  log_days    = var.log_days
}

module "edge" {
  source             = "../../modules/edge"
  name               = var.name
  exposure           = "cloudfront"
  vpc_id             = module.network.vpc_id
  cidr               = module.network.cidr
  public_subnet_ids  = module.network.public_subnet_ids
  private_subnet_ids = module.network.private_subnet_ids
  targets = {
    registry = { port = 8080, health_path = "/readyz" }
    keycloak = { port = 8080, health_path = "/health/ready", health_port = "9000", host = var.keycloak_domain }
  }
  domain              = var.domain
  zone_id             = var.zone_id
  kms_key_arn         = module.edge_key.arn
  rate_limit          = var.rate_limit
  blocked_ips         = var.blocked_ips
  allowed_ips         = var.allowed_ips
  blocked_countries   = var.blocked_countries
  price_class         = var.price_class
  log_days            = var.log_days
  deletion_protection = local.protected
}

module "documentdb" {
  source              = "../../modules/documentdb"
  name                = var.name
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.database_subnet_ids
  kms_key_arn         = module.key.arn
  instance_class      = var.database_instance_class
  instance_count      = var.database_instances
  backup_days         = var.backup_days
  deletion_protection = local.protected
  final_snapshot      = local.protected
  log_days            = var.log_days
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
  stage                  = var.stage
  store                  = module.documentdb.store
  database_ca            = file(var.database_ca_file)
  kms_key_arn            = module.key.arn
  secret_key             = var.secret_key
  admin_password         = var.admin_password
  first_start            = var.first_start
  secrets_version        = var.secrets_version
  settings               = var.settings
  secret_settings        = var.secret_settings
  egress_allow           = var.egress_allow
  egress_ports           = var.egress_ports
  cpu                    = var.cpu
  memory                 = var.memory
  tasks                  = var.tasks
  log_days               = var.log_days
}

module "keycloak" {
  source                 = "../../modules/keycloak"
  name                   = var.name
  image                  = var.keycloak_image
  repository_arns        = var.repository_arns
  host                   = var.keycloak_domain
  cluster_arn            = module.service.cluster_arn
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  database_subnet_ids    = module.network.database_subnet_ids
  edge_security_group_id = module.edge.security_group_id
  target_group_arn       = module.edge.target_group_arns["keycloak"]
  trusted_proxies        = module.edge.trusted_proxies
  kms_key_arn            = module.key.arn
  admin_password         = var.keycloak_admin_password
  secrets_version        = var.secrets_version
  task_count             = var.keycloak_tasks
  instance_count         = var.keycloak_database_instances
  backup_days            = var.backup_days
  deletion_protection    = local.protected
  log_days               = var.log_days
}

module "observability" {
  source      = "../../modules/observability"
  name        = var.name
  kms_key_arn = module.key.arn
  prometheus  = var.collector_image != null
  emails      = var.alarm_emails
  thresholds  = var.alarm_thresholds
  services = {
    registry = { name = module.service.service_name, tasks = var.tasks.min }
    keycloak = { name = module.keycloak.service_name, tasks = var.keycloak_tasks }
  }
  cluster_name  = module.service.cluster_name
  cluster_arn   = module.service.cluster_arn
  load_balancer = module.edge.load_balancer_suffix
  target_groups = module.edge.target_group_suffixes
  log_groups    = { for name, group in module.service.log_groups : name => group if name != "audit" || var.collector_image != null }
  documentdb    = module.documentdb.cluster_id
  aurora        = module.keycloak.database_id
  certificates  = { load-balancer = module.edge.certificate_arns[0] }
  log_days      = var.log_days
}
