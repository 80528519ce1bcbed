# As production, with less of each.
stage  = "staging"
name   = "air-staging"
region = "eu-central-1"
cidr   = "10.41.0.0/16"
nat    = "per_zone"

domain          = "registry.staging.example.com"
keycloak_domain = "auth.staging.example.com"
zone_id         = "ZONEOFSTAGING"

image            = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/airegistry:VERSION"
keycloak_image   = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/keycloak:VERSION"
collector_image  = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/otel-collector:VERSION"
repository_arns  = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/*"]
database_ca_file = "eu-central-1-bundle.pem"

tasks              = { min = 2, max = 6 }
database_instances = 2
backup_days        = 7
log_days           = 90
