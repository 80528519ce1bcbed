# The least that is worth trying: two tasks behind CloudFront's own name, one database instance, local users.

provider "aws" {
  region = var.region
  default_tags {
    tags = { Project = "airegistry", Environment = var.name, ManagedBy = "terraform" }
  }
}

module "key" {
  source        = "../../modules/key"
  name          = var.name
  deletion_days = 7
}

# The WAF of CloudFront logs in us-east-1, and a log's key is in the log's region.
module "edge_key" {
  source        = "../../modules/key"
  name          = "${var.name}-edge"
  region        = "us-east-1"
  deletion_days = 7
}

module "network" {
  source      = "../../modules/network"
  name        = var.name
  zone_count  = 2
  nat         = "one"
  kms_key_arn = module.key.arn
  log_days    = 30
}

module "edge" {
  source              = "../../modules/edge"
  name                = var.name
  exposure            = "cloudfront"
  vpc_id              = module.network.vpc_id
  cidr                = module.network.cidr
  public_subnet_ids   = module.network.public_subnet_ids
  private_subnet_ids  = module.network.private_subnet_ids
  targets             = { registry = { port = 8080, health_path = "/readyz" } }
  kms_key_arn         = module.edge_key.arn
  allowed_ips         = var.allowed_ips
  log_days            = 30
  deletion_protection = false
}

module "documentdb" {
  source              = "../../modules/documentdb"
  name                = var.name
  vpc_id              = module.network.vpc_id
  subnet_ids          = module.network.database_subnet_ids
  kms_key_arn         = module.key.arn
  instance_class      = "db.t4g.medium"
  instance_count      = 1
  backup_days         = 7
  deletion_protection = false
  final_snapshot      = false
  log_days            = 30
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
  stage                  = "dev"
  store                  = module.documentdb.store
  database_ca            = file(var.database_ca_file)
  kms_key_arn            = module.key.arn
  secret_key             = var.secret_key
  admin_password         = var.admin_password
  first_start            = var.first_start
  secrets_version        = var.secrets_version
  cpu                    = 512
  memory                 = 1024
  tasks                  = { min = 2, max = 4 }
  log_days               = 30
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
  log_days      = 30
}
