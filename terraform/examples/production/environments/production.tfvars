stage  = "production"
name   = "air"
region = "eu-central-1"
cidr   = "10.42.0.0/16"
nat    = "per_zone"

domain          = "registry.example.com"
keycloak_domain = "auth.example.com"
zone_id         = "ZONEOFPRODUCTION"

image            = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/airegistry:VERSION"
keycloak_image   = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/keycloak:VERSION"
collector_image  = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/airegistry/otel-collector:VERSION"
repository_arns  = ["arn:aws:ecr:eu-central-1:123456789012:repository/airegistry/*"]
database_ca_file = "eu-central-1-bundle.pem"

tasks        = { min = 3, max = 12 }
alarm_emails = ["oncall@example.com"]
settings     = { AIREGISTRY_FIRST_STAGE = "submitted", AIREGISTRY_AUDIT_CALLS = "durable" }
