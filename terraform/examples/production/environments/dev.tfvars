stage  = "dev"
name   = "air-dev"
region = "eu-central-1"
cidr   = "10.40.0.0/16"
nat    = "one"

domain          = "registry.dev.example.com"
keycloak_domain = "auth.dev.example.com"
zone_id         = "ZONEOFDEV"

image            = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/airegistry:VERSION"
keycloak_image   = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/keycloak:VERSION"
collector_image  = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/otel-collector:VERSION"
repository_arns  = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/*"]
database_ca_file = "eu-central-1-bundle.pem"

cpu                         = 512
memory                      = 1024
tasks                       = { min = 2, max = 4 }
database_instance_class     = "db.t4g.medium"
database_instances          = 1
keycloak_tasks              = 1
keycloak_database_instances = 1
backup_days                 = 3
log_days                    = 30
