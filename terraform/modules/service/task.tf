# What runs in a task: the registry, before it whoever opens its folders and lays down the database's certificates, beside it the collector.

locals {
  settings = merge(
    {
      AIREGISTRY_HOST             = "0.0.0.0"
      AIREGISTRY_PORT             = tostring(local.port)
      AIREGISTRY_TLS_TERMINATED   = "true"
      AIREGISTRY_PUBLIC_URL       = var.public_url
      AIREGISTRY_TRUSTED_PROXIES  = join(",", var.trusted_proxies)
      AIREGISTRY_ENVIRONMENT      = var.stage
      AIREGISTRY_DATA             = local.written.data
      AIREGISTRY_STORE_URL        = "mongodb://${var.store.endpoint}:${var.store.port}/airegistry?tls=true&tlsCAFile=${local.ca}&replicaSet=rs0&retryWrites=false&authSource=admin"
      AIREGISTRY_SHUTDOWN_SECONDS = tostring(var.shutdown_seconds)
    },
    var.collector_image == null ? {} : {
      AIREGISTRY_AUDIT_OTLP_URL = local.collector_url
    },
    var.prometheus == null ? {} : {
      AIREGISTRY_TELEMETRY_URL      = local.collector_url
      AIREGISTRY_TELEMETRY_SERVICE  = var.name
      AIREGISTRY_TELEMETRY_RESOURCE = "deployment.environment.name=${var.stage}"
    },
    length(local.egress_allow) == 0 ? {} : { AIREGISTRY_EGRESS_ALLOW = join(",", local.egress_allow) },
    var.settings,
  )
  collector     = "127.0.0.1:4318"
  collector_url = "http://${local.collector}"
  egress_allow  = concat(var.egress_allow, var.collector_image == null ? [] : [local.collector])
  secrets = merge(
    {
      AIREGISTRY_STORE_USERNAME = "${var.store.secret_arn}:username::"
      AIREGISTRY_STORE_PASSWORD = "${var.store.secret_arn}:password::"
      AIREGISTRY_SECRET_KEY     = aws_secretsmanager_secret.this["secret-key"].arn
    },
    var.first_start ? { AIREGISTRY_ADMIN_PASSWORD = aws_secretsmanager_secret.this["admin-password"].arn } : {},
    var.secret_settings,
  )
  # Fargate's volumes are root's; whoever owns one may open it, with no capability at all.
  prepare = <<-PYTHON
    import os
    for folder in ${jsonencode(values(local.written))}:
        if os.stat(folder).st_uid == os.getuid():
            os.chmod(folder, 0o1777)
    with open("${local.ca}", "w") as file:
        file.write(os.environ["CA"])
  PYTHON

  log = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.this["service"].name
      awslogs-region        = data.aws_region.current.region
      awslogs-stream-prefix = "task"
      mode                  = "non-blocking"
      max-buffer-size       = "4m"
    }
  }
  hardened = {
    readonlyRootFilesystem = true
    privileged             = false
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    logConfiguration       = local.log
  }

  registry = merge(local.hardened, {
    name         = "airegistry"
    image        = var.image
    essential    = true
    command      = ["serve"]
    stopTimeout  = var.shutdown_seconds + 5
    portMappings = [{ containerPort = local.port, protocol = "tcp" }]
    mountPoints = concat(
      [for name, path in local.written : { sourceVolume = name, containerPath = path, readOnly = false }],
      [{ sourceVolume = "certificates", containerPath = local.ca_folder, readOnly = true }],
    )
    environment = [for name, value in local.settings : { name = name, value = value }]
    secrets     = [for name, arn in local.secrets : { name = name, valueFrom = arn }]
    dependsOn   = [{ containerName = "prepare", condition = "SUCCESS" }]
    healthCheck = { command = concat(["CMD"], local.alive), interval = 15, timeout = 5, retries = 3, startPeriod = 60 }
  })

  prepare_container = merge(local.hardened, {
    name        = "prepare"
    image       = var.image
    essential   = false
    user        = "0"
    entryPoint  = ["/opt/airegistry/bin/python", "-I", "-c"]
    command     = [local.prepare]
    mountPoints = [for name, path in local.mounts : { sourceVolume = name, containerPath = path, readOnly = false }]
    environment = []
    secrets     = [{ name = "CA", valueFrom = aws_ssm_parameter.database_ca.arn }]
  })

  collector_container = merge(local.hardened, {
    name        = "collector"
    image       = coalesce(var.collector_image, "none")
    essential   = false
    command     = ["--config=env:COLLECTOR"]
    environment = [{ name = "COLLECTOR", value = local.collector_configuration }]
  })

  written = { data = "/data", tmp = "/tmp" }
  mounts  = merge(local.written, { certificates = local.ca_folder })
  # The image's own health check, which ECS does not take from it.
  alive = ["/opt/airegistry/bin/python", "-I", "-S", "/opt/airegistry/share/airegistry/alive.py"]
}

locals {
  collector_configuration = templatefile("${path.module}/collector.yaml.tftpl", {
    address          = local.collector
    region           = data.aws_region.current.region
    audit_group      = aws_cloudwatch_log_group.this["audit"].name
    remote_write_url = try(var.prometheus.remote_write_url, null)
  })
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions = jsonencode(concat(
    [local.registry, local.prepare_container],
    var.collector_image == null ? [] : [local.collector_container],
  ))

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  dynamic "volume" {
    for_each = local.mounts
    content {
      name = volume.key
    }
  }
}
